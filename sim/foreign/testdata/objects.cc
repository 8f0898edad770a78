/*
 * objects.cc - what C++ adds to a program's state: global, static and thread_local objects.
 */
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace
{
struct Noisy {
    std::string text;
    explicit Noisy(const char *from) : text(from) { std::cout << "+" << text << "\n"; }
    ~Noisy() { std::cout << "-" << text << "\n"; }
};

Noisy global("global, and too long for a small string");
std::map<int, std::string> table{{1, "one, and too long for a small string"}};
thread_local Noisy own("thread's own");
std::mutex mutex;
std::condition_variable condition;
int ready;

const Noisy &made_once()
{
    static const Noisy once("made once, by whoever is first");
    return once;
}

void work()
{
    if (made_once().text[0] != 'm' || own.text != "thread's own")
        abort();
    own.text += " changed";
    const std::lock_guard<std::mutex> guard(mutex);
    ready++;
    condition.notify_all();
}
} // namespace

int main(int argc, char **argv)
{
    std::vector<std::thread> threads;

    if (table.size() != 1 || table[1][0] != 'o')
        abort();
    table[1] = "changed to something that is also too long for a small string";
    table[2] = "two";
    global.text = "global changed";
    for (int i = 0; i < 2; i++)
        threads.emplace_back(work);
    {
        std::unique_lock<std::mutex> guard(mutex);
        condition.wait(guard, [] { return ready == 2; });
    }
    for (auto &thread : threads)
        thread.join();
    try {
        throw std::runtime_error("thrown and caught");
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
    }
    if (argc > 1 && strcmp(argv[1], "throw") == 0)
        throw std::runtime_error("thrown and not caught");
    return 0;
}
