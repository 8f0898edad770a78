/* What C++20 waits with, most of it on futexes: an atomic, a promise, a semaphore, a latch, a
 * barrier, any lock, a stop token. */
#include <atomic>
#include <barrier>
#include <condition_variable>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <stop_token>
#include <thread>

namespace
{

std::atomic<int> flag{0};
std::counting_semaphore<4> tokens(0);
std::latch arrived(2);
std::barrier together(2);
std::mutex lock;
std::condition_variable_any changed;
bool is_ready = false;

void wait_for_all()
{
    flag.wait(0);
    tokens.acquire();
    arrived.count_down();
    together.arrive_and_wait();
    std::unique_lock<std::mutex> hold(lock);
    changed.wait(hold, [] { return is_ready; });
}

void wake_all(std::stop_token stop, std::promise<int> &promise)
{
    flag = 1;
    flag.notify_all();
    promise.set_value(4);
    tokens.release();
    arrived.count_down();
    together.arrive_and_wait();
    {
        std::lock_guard<std::mutex> hold(lock);
        is_ready = true;
    }
    changed.notify_one();
    while (!stop.stop_requested())
        std::this_thread::yield();
}

} // namespace

int main()
{
    std::promise<int> promise;
    std::future<int> future = promise.get_future();
    std::jthread waiter(wait_for_all);
    std::jthread waker([&promise](std::stop_token stop) { wake_all(stop, promise); });

    arrived.wait();
    return future.get() == 4 ? 0 : 7;
}
