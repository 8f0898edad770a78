/* The same in two parts: this one has main(). */
#include <pthread.h>
#include <stdio.h>

void *add_one(void *arg);
int count(void);

int main(void)
{
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, add_one, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("counter %d\n", count());
    return count() == 2 ? 0 : 7;
}
