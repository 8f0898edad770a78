/*
 * sim/cli/main.c - the tool.
 */
#include "sim/cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
