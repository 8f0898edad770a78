#include "counter.h"

#include <iostream>
#include <thread>

int main()
{
    std::thread one([] { counter_add(step_size()); });
    std::thread two([] { counter_add(step_size()); });

    one.join();
    two.join();
    std::cout << "counted " << counter_value() << std::endl;
    return counter_value() == 2 ? 0 : 7;
}
