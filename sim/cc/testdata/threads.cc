/* What C++ programs are made of, in two threads. PLANT: a counter is read under a lock, and written
 * back under another hold of it. */
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace
{

struct shared {
    std::mutex lock;
    std::condition_variable changed;
    std::shared_mutex readers;
    std::once_flag once;
    bool is_ready = false;
    int counter = 0;
    std::atomic<int> steps{0};
};

struct once_made {
    once_made()
    {
        made++;
        std::this_thread::yield();
    }
    static std::atomic<int> made;
};
std::atomic<int> once_made::made{0};

once_made &local_static()
{
    static once_made object;
    return object;
}

thread_local int own = 3;

void add_one(shared &state)
{
#ifdef PLANT
    int seen;
    {
        std::lock_guard<std::mutex> hold(state.lock);
        seen = state.counter;
    }
    std::lock_guard<std::mutex> hold(state.lock);
    state.counter = seen + 1;
#else
    std::lock_guard<std::mutex> hold(state.lock);
    state.counter++;
#endif
}

void work(shared &state, int index)
{
    std::call_once(state.once, [&] { state.steps++; });
    (void)local_static();
    own += index;
    {
        std::shared_lock<std::shared_mutex> hold(state.readers);
    }
    {
        std::unique_lock<std::shared_mutex> hold(state.readers);
    }
    {
        std::unique_lock<std::mutex> hold(state.lock);
        state.changed.wait(hold, [&] { return state.is_ready; });
    }
    add_one(state);
    try {
        throw std::runtime_error("thrown in a thread");
    } catch (const std::exception &) {
        state.steps += own == 3 + index ? 1 : 0;
    }
}

} // namespace

int main()
{
    shared state;
    std::vector<std::thread> threads;

    for (int i = 0; i < 2; i++)
        threads.emplace_back([&state, i] { work(state, i); });
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    {
        std::lock_guard<std::mutex> hold(state.lock);
        state.is_ready = true;
    }
    state.changed.notify_all();
    for (std::thread &thread : threads)
        thread.join();
    std::future<int> future = std::async(std::launch::async, [] { return 5; });
    auto kept = std::make_shared<int>(future.get());
    bool is_right = once_made::made == 1 && state.steps == 3 && *kept == 5;
    if (!is_right)
        return 8;
    return state.counter == 2 ? 0 : 7;
}
