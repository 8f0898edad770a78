/* Undefined when there is an argument: a shift by too much. */
int main(int argc, char **argv)
{
    volatile int by = argc > 1 ? 40 : 1;

    (void)argv;
    return (1 << by) == 2 ? 0 : 7;
}
