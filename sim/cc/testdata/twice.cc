/* A function for C that is made of C++: a local static, a string, a thread. OWN_OPERATORS: with new
 * and delete of the program's own. */
#include <cstdlib>
#include <new>
#include <string>
#include <thread>

#ifdef OWN_OPERATORS
static int news;

void *operator new(std::size_t size)
{
    news++;
    void *memory = std::malloc(size);
    if (memory == nullptr)
        throw std::bad_alloc();
    return memory;
}

void operator delete(void *memory) noexcept
{
    std::free(memory);
}

void operator delete(void *memory, std::size_t) noexcept
{
    std::free(memory);
}
#endif

extern "C" int twice(int value)
{
    static std::string text(
        "longer than what fits into the string itself, so that it is allocated");
    int result = 0;
    std::thread thread([&] { result = text.empty() ? 0 : 2 * value; });

    thread.join();
#ifdef OWN_OPERATORS
    if (news == 0)
        return 0;
#endif
    return result;
}
