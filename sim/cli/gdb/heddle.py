"""Commands for gdb over a replayed run: every virtual thread with its own stack, steps both ways.

A virtual thread that is not running left its registers on its stack, as identity_switch_raw() pushes
them. Going back is going forward from the start to one step earlier: the same choices give the same
run.
"""
import os

import gdb

SAVED = ["r15", "r14", "r13", "r12", "rbx", "rbp", "rip"]
ALL = SAVED + ["rsp"]
STATES = {0: "free", 1: "runnable", 2: "waits", 3: "ended"}
OURS = ("sim/", "./sim/")

live = {}  # registers of the thread that runs, while another one is looked at
looked_at = None


def say(text):
    gdb.write(text + "\n")


def is_stopped():
    try:
        return gdb.selected_inferior().pid != 0
    except gdb.error:
        return False


def need_run():
    if not is_stopped():
        raise gdb.GdbError("nothing runs; try: heddle run-to STEP")


def engine():
    return gdb.parse_and_eval("&sched").dereference()


def threads():
    run = engine()
    for i in range(int(run["run"]["thread_count"])):
        thread = run["threads"][i]
        if int(thread) != 0:
            yield thread.dereference()


def running():
    """The thread whose code or stack is in use; None on the engine's own."""
    run = engine()
    for name in ("stack_owner", "current"):
        if int(run[name]) != 0:
            return int(run[name]["id"])
    return None


def set_registers(values):
    gdb.newest_frame().select()
    for name, value in values.items():
        gdb.execute("set $%s = %#x" % (name, value), to_string=True)
    gdb.newest_frame().select()


def get_registers():
    gdb.newest_frame().select()
    mask = (1 << 64) - 1
    return {name: int(gdb.parse_and_eval("(unsigned long)$" + name)) & mask for name in ALL}


def saved_registers(thread):
    top = int(thread["stack_pointer"])
    memory = gdb.selected_inferior().read_memory(top, 8 * len(SAVED)).tobytes()
    values = {
        name: int.from_bytes(memory[i * 8 : i * 8 + 8], "little") for i, name in enumerate(SAVED)
    }
    values["rsp"] = top + 8 * len(SAVED)
    return values


def look_at(thread):
    """Makes gdb see `thread`; None: the one that runs."""
    global live, looked_at
    if thread is None or int(thread["id"]) == running():
        if live:
            set_registers(live)
        live = {}
        looked_at = None
        return
    if bool(thread["is_lane"]):
        raise gdb.GdbError("%s has no stack: it is a part of the network or the clock" % thread["name"].string())
    if int(thread["stack_pointer"]) == 0 or int(thread["state"]) in (0, 3):
        raise gdb.GdbError("%s has no stack any more" % thread["name"].string())
    if not live:
        live = get_registers()
    set_registers(saved_registers(thread))
    looked_at = int(thread["id"])


def place():
    """The innermost frame that is not the simulator's."""
    frame = gdb.newest_frame()
    while frame is not None:
        where = frame.find_sal()
        if where.symtab is not None and not where.symtab.filename.startswith(OURS) and "/sim/" not in where.symtab.filename:
            return "%s (%s:%d)" % (frame.name(), where.symtab.filename, where.line)
        frame = frame.older()
    return ""


def step_now():
    return int(engine()["steps"])


def go(step):
    """Runs to `step`; from the start when that is behind, or when the run is over."""
    global live, looked_at
    if is_stopped() and live:
        look_at(None)
    live = {}
    looked_at = None
    if is_stopped() and step > step_now() and not bool(engine()["is_ending"]):
        gdb.execute("set var heddle_debug_stop_step = %d" % step)
        gdb.execute("continue", to_string=True)
    else:
        gdb.execute("set environment HEDDLE_GDB_STEP %d" % step)
        gdb.execute("set confirm off")
        gdb.execute("run", to_string=True)
    show()


def show():
    if not is_stopped():
        say("the run is over")
        return
    run = engine()
    finding = run["finding"]["title"].string()
    who = running()
    name = "nobody" if who is None else run["threads"][who]["name"].string()
    say("step %d, %s at %s" % (step_now(), name, place()))
    if finding:
        say("fails: " + finding)


class Heddle(gdb.Command):
    """Looks at a replayed run: heddle threads, thread N, step, back, run-to STEP."""

    def __init__(self):
        super().__init__("heddle", gdb.COMMAND_RUNNING, prefix=True)


class Threads(gdb.Command):
    """Lists the virtual threads: what each is about to do, and where."""

    def __init__(self):
        super().__init__("heddle threads", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        need_run()
        back = looked_at
        who = running()
        for thread in threads():
            number = int(thread["id"])
            where = ""
            if not bool(thread["is_lane"]) and int(thread["state"]) in (1, 2):
                look_at(thread)
                where = place()
            look_at(None)
            say(
                "%s%3d  %-15s %-9s %-6s %s"
                % (
                    "*" if number == who else " ",
                    number,
                    thread["name"].string(),
                    "runs" if number == who else STATES[int(thread["state"])],
                    str(thread["next"]["kind"]).replace("OP_", "").lower(),
                    where,
                )
            )
        if back is not None:
            look_at(engine()["threads"][back].dereference())


class Thread(gdb.Command):
    """heddle thread N|NAME: makes gdb see that virtual thread: bt, up, print work on it."""

    def __init__(self):
        super().__init__("heddle thread", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        need_run()
        for thread in threads():
            if argument in (str(int(thread["id"])), thread["name"].string()):
                look_at(None)
                look_at(thread)
                gdb.execute("backtrace")
                return
        raise gdb.GdbError("no thread '%s'; see: heddle threads" % argument)


class Step(gdb.Command):
    """To the next step of the run, whosever it is."""

    def __init__(self):
        super().__init__("heddle step", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        need_run()
        go(step_now() + int(argument or 1))


class Back(gdb.Command):
    """To one step earlier, by running from the start."""

    def __init__(self):
        super().__init__("heddle back", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        need_run()
        go(max(1, step_now() - int(argument or 1)))


class RunTo(gdb.Command):
    """heddle run-to STEP: to that step of the run."""

    def __init__(self):
        super().__init__("heddle run-to", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        if not argument.isdigit() or int(argument) == 0:
            raise gdb.GdbError("a step is wanted, a number from 1")
        go(int(argument))


for line in (
    "set pagination off",
    "set breakpoint pending on",
    "set print thread-events off",
    "set print inferior-events off",
    "handle SIGSEGV SIGBUS SIGFPE SIGILL SIGABRT SIGALRM SIGVTALRM nostop noprint pass",
    "break heddle_debug_stop",
):
    gdb.execute(line, to_string=True)
Heddle()
Threads()
Thread()
Step()
Back()
RunTo()
if "HEDDLE_GDB_SCRIPT" in os.environ:
    os.unlink(os.environ["HEDDLE_GDB_SCRIPT"])
gdb.execute("run", to_string=True)
say("heddle threads | thread N | step | back | run-to STEP; gdb's own commands work too")
show()
