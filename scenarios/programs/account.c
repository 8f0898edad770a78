/*
 * account.c - a transfer between two accounts, watched by an audit.
 *
 * Two threads move money, one each way, and a third adds up both balances. Every access holds
 * the lock, so there is no data race; but a transfer takes it twice, once to draw and once to
 * deposit.
 *
 * Wrong: the audit runs between the two, while the money is in neither account.
 *
 * Right (-DFIXED): a transfer is one critical section.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

enum { LEFT, RIGHT, ACCOUNTS };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int balance[ACCOUNTS] = {100, 100};

static void transfer(int from, int to, int amount)
{
    pthread_mutex_lock(&lock);
    balance[from] -= amount;
#ifndef FIXED
    pthread_mutex_unlock(&lock);
    pthread_mutex_lock(&lock);
#endif
    balance[to] += amount;
    pthread_mutex_unlock(&lock);
}

static void *pay(void *arg)
{
    transfer(LEFT, RIGHT, 30);
    return arg;
}

static void *pay_back(void *arg)
{
    transfer(RIGHT, LEFT, 20);
    return arg;
}

static void *audit(void *arg)
{
    pthread_mutex_lock(&lock);
    int total = balance[LEFT] + balance[RIGHT];
    pthread_mutex_unlock(&lock);
    assert(total == 200);
    return arg;
}

int main(void)
{
    pthread_t payer, back_payer, auditor;

    pthread_create(&payer, NULL, pay, NULL);
    pthread_create(&back_payer, NULL, pay_back, NULL);
    pthread_create(&auditor, NULL, audit, NULL);
    pthread_join(payer, NULL);
    pthread_join(back_payer, NULL);
    pthread_join(auditor, NULL);
    return 0;
}
