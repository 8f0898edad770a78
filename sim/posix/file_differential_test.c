/*
 * sim/posix/file_differential_test.c - random sequences of calls about files, in a folder of the
 * real system and in a simulated one: the same results, errno, bytes, names.
 *
 * The same code plays both: outside a run the wrapped calls go to the system. What may differ is
 * not looked at: numbers of files, times, sizes and link counts of folders, the order in which a
 * system lists a folder. HEDDLE_DIFF_SEED=n plays one sequence and prints both.
 */
#include "sim/posix/testing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SEQUENCES = 600,
    OPS = 60,
    FDS = 6,
    LOG_BYTES = 64 << 10,
    LINE_BYTES = 400,
    BUFFER_BYTES = 9000,
    NAMES = 64,
};

struct log {
    char text[LOG_BYTES];
    size_t used;
};

static struct {
    uint64_t seed;
    uint64_t state;
    int fds[FDS];
    struct log *log;
    char buffer[BUFFER_BYTES];
} play;

static struct log native;
static struct log simulated;

static uint32_t draw(uint32_t below)
{
    play.state = play.state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(play.state >> 33) % below;
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
    const int error = errno;
    char line[LINE_BYTES];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (len < 0 || play.log->used + (size_t)len >= LOG_BYTES)
        return;
    memcpy(play.log->text + play.log->used, line, (size_t)len + 1);
    play.log->used += (size_t)len;
    errno = error;
}

static void note_result(const char *what, long result)
{
    if (result < 0)
        note("%s: %s\n", what, strerrorname_np(errno));
    else
        note("%s: %ld\n", what, result);
}

static const char *draw_path(void)
{
    static const char *const paths[] = {
        "a",    "b",  "c",   "d",   "e",      "d/a",  "d/b",    "d/e",  "d/../a",
        "./b",  "l",  "l/a", "d/l", "a/",     "d/",   "a/b",    "",     "x/y",
        "d/..", "..", ".",   "e/a", "e/../d", "d//b", "l/../b", "loop",
    };
    return paths[draw(sizeof(paths) / sizeof(paths[0]))];
}

static int draw_slot(void)
{
    return (int)draw(FDS);
}

static void fill(size_t len)
{
    for (size_t i = 0; i < len; i++)
        play.buffer[i] = (char)('a' + draw(26));
}

static uint32_t sum(const char *bytes, size_t len)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)bytes[i]) * 16777619u;
    return hash;
}

static void note_stat(const char *what, int result, const struct stat *found)
{
    if (result < 0)
        note_result(what, result);
    else if (S_ISDIR(found->st_mode))
        note("%s: folder %o\n", what, found->st_mode & 07777);
    else
        note("%s: %o, %ld bytes, %lu links\n", what, found->st_mode, (long)found->st_size,
             (unsigned long)found->st_nlink);
}

/* ---- operations ---- */

static void do_open(void)
{
    static const int flags[] = {
        O_CREAT,     O_EXCL | O_CREAT, O_TRUNC, O_CREAT | O_TRUNC, O_APPEND | O_CREAT,
        O_DIRECTORY, O_NOFOLLOW,       0};
    static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDWR};
    const int slot = draw_slot();
    const char *path = draw_path();
    const int flag = flags[draw(8)] | modes[draw(4)];

    if (play.fds[slot] >= 0)
        (void)close(play.fds[slot]);
    play.fds[slot] = open(path, flag, 0644);
    note("open %s %o ", path, (unsigned)flag);
    note_result("", play.fds[slot] < 0 ? -1 : 0);
}

static void do_close(void)
{
    const int slot = draw_slot();
    const long result = close(play.fds[slot]);

    note_result("close", result);
    play.fds[slot] = -1;
}

static void do_dup(void)
{
    const int from = draw_slot();
    const int to = draw_slot();

    if (from == to || play.fds[to] >= 0)
        return;
    play.fds[to] = dup(play.fds[from]);
    note_result("dup", play.fds[to] < 0 ? -1 : 0);
}

static void do_read(void)
{
    const size_t len = draw(BUFFER_BYTES);
    const long result = read(play.fds[draw_slot()], play.buffer, len);

    note_result("read", result);
    if (result > 0)
        note("  %x\n", sum(play.buffer, (size_t)result));
}

static void do_pread(void)
{
    const size_t len = draw(BUFFER_BYTES);
    const long result = pread(play.fds[draw_slot()], play.buffer, len, draw(12000));

    note_result("pread", result);
    if (result > 0)
        note("  %x\n", sum(play.buffer, (size_t)result));
}

static void do_write(void)
{
    const size_t len = draw(5000);

    fill(len);
    note_result("write", write(play.fds[draw_slot()], play.buffer, len));
}

static void do_pwrite(void)
{
    const size_t len = draw(5000);

    fill(len);
    note_result("pwrite", pwrite(play.fds[draw_slot()], play.buffer, len, draw(12000)));
}

static void do_seek(void)
{
    static const int whence[] = {SEEK_SET, SEEK_CUR, SEEK_END, 17};
    const int fd = play.fds[draw_slot()];
    const long offset = (long)draw(9000) - 1000;
    const int from = whence[draw(4)];
    struct stat found;

    if (fstat(fd, &found) == 0 && S_ISDIR(found.st_mode))
        return;
    note_result("lseek", lseek(fd, offset, from));
}

static void do_truncate(void)
{
    const long size = (long)draw(12000) - 500;

    if (draw(2) == 0)
        note_result("ftruncate", ftruncate(play.fds[draw_slot()], size));
    else
        note_result("truncate", truncate(draw_path(), size));
}

static void do_allocate(void)
{
    const int fd = play.fds[draw_slot()];
    const long offset = draw(9000);

    note_result("fallocate", posix_fallocate(fd, offset, (long)draw(4000) + 1));
}

static void do_stat(void)
{
    struct stat found = {0};
    const char *path = draw_path();

    note("%s ", path);
    switch (draw(3)) {
    case 0:
        note_stat("stat", stat(path, &found), &found);
        break;
    case 1:
        note_stat("lstat", lstat(path, &found), &found);
        break;
    default:
        note_stat("fstat", fstat(play.fds[draw_slot()], &found), &found);
        break;
    }
}

static void do_access(void)
{
    note_result("access", access(draw_path(), F_OK));
}

static void do_unlink(void)
{
    const char *path = draw_path();

    note("%s ", path);
    note_result("unlink", unlink(path));
}

static void do_rmdir(void)
{
    const char *path = draw_path();

    note("%s ", path);
    note_result("rmdir", rmdir(path));
}

static void do_mkdir(void)
{
    const char *path = draw_path();

    note("%s ", path);
    note_result("mkdir", mkdir(path, 0755));
}

static void do_rename(void)
{
    const char *from = draw_path();
    const char *to = draw_path();

    note("%s %s ", from, to);
    note_result("rename", rename(from, to));
}

static void do_link(void)
{
    const char *from = draw_path();
    const char *to = draw_path();

    note("%s %s ", from, to);
    note_result("link", link(from, to));
}

static void do_symlink(void)
{
    static const char *const targets[] = {"a", "d", "nowhere", "../a", "loop", "d/", ""};
    static const char *const places[] = {"l", "loop", "d/l", "a"};
    const char *target = targets[draw(7)];
    const char *place = places[draw(4)];

    note("%s %s ", target, place);
    note_result("symlink", symlink(target, place));
}

static void do_readlink(void)
{
    const char *path = draw_path();
    const long len = readlink(path, play.buffer, 3 + draw(20));

    note("%s ", path);
    note_result("readlink", len);
    if (len > 0)
        note("  %.*s\n", (int)len, play.buffer);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void do_list(void)
{
    const char *path = draw_path();
    DIR *folder = strcmp(path, "..") == 0 ? NULL : opendir(path);
    char *names[NAMES];
    size_t count = 0;
    const struct dirent *entry;

    if (folder == NULL) {
        note_result("opendir", strcmp(path, "..") == 0 ? 0 : -1);
        return;
    }
    while ((entry = readdir(folder)) != NULL && count < NAMES)
        names[count++] = strdup(entry->d_name);
    qsort((void *)names, count, sizeof(names[0]), compare_names);
    for (size_t i = 0; i < count; i++) {
        note("  %s\n", names[i]);
        free(names[i]);
    }
    note_result("closedir", closedir(folder));
}

/* Locks of open files: they keep each other out within a process too. */
static void do_lock(void)
{
    static const short types[] = {F_RDLCK, F_WRLCK, F_UNLCK};
    struct flock lock = {
        .l_type = types[draw(3)], .l_whence = SEEK_SET, .l_start = draw(10), .l_len = draw(6)};
    const int fd = play.fds[draw_slot()];

    if (draw(2) == 0) {
        note_result("lock", fcntl(fd, F_OFD_SETLK, &lock));
        return;
    }
    if (lock.l_type == F_UNLCK)
        return; /* systems differ */
    const int result = fcntl(fd, F_OFD_GETLK, &lock);
    note_result("get lock", result);
    if (result == 0)
        note("  %d\n", lock.l_type == F_UNLCK);
}

static void do_flock(void)
{
    static const int operations[] = {LOCK_SH, LOCK_EX, LOCK_UN};

    note_result("flock", flock(play.fds[draw_slot()], operations[draw(3)] | LOCK_NB));
}

static void do_map(void)
{
    const int fd = play.fds[draw_slot()];
    const bool writes = draw(2) == 0;
    const bool is_shared = draw(3) != 0;
    struct stat found;
    char *mapped;

    if (fstat(fd, &found) != 0)
        return;
    mapped = mmap(NULL, 8192, writes ? PROT_READ | PROT_WRITE : PROT_READ,
                  is_shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
    note_result("mmap", mapped == MAP_FAILED ? -1 : 0);
    if (mapped == MAP_FAILED)
        return;
    for (long at = 0; at < found.st_size && at < 8192; at += 512) {
        note("  %d", mapped[at]);
        if (writes)
            mapped[at] = (char)('A' + draw(26));
    }
    if (found.st_size > 0 && pread(fd, play.buffer, 512, 0) > 0)
        note(" then %d\n", play.buffer[0]);
    note_result("munmap", munmap(mapped, 8192));
}

static void do_stream(void)
{
    static const char *const modes[] = {"r", "w", "a", "r+", "w+", "a+", "wx"};
    const char *path = draw_path();
    const char *mode = modes[draw(7)];
    FILE *stream = fopen(path, mode);
    char line[64];

    note("%s %s ", path, mode);
    note_result("fopen", stream == NULL ? -1 : 0);
    if (stream == NULL)
        return;
    note_result("fprintf", fprintf(stream, "line %u\n", draw(1000)));
    clearerr(stream);
    note_result("fseek", fseek(stream, 0, SEEK_SET));
    if (fgets(line, (int)sizeof(line), stream) != NULL)
        note("  %x\n", sum(line, strlen(line)));
    note_result("ftell", ftell(stream));
    note_result("fclose", fclose(stream));
}

static void do_sync(void)
{
    note_result("fsync", fsync(play.fds[draw_slot()]));
}

static void do_temporary(void)
{
    char name[] = "tmpXXXXXX";
    const int fd = mkstemp(name);

    note_result("mkstemp", fd < 0 ? -1 : 0);
    note_result("write", write(fd, "x", 1));
    (void)close(fd);
    note_result("unlink", unlink(name));
}

static void (*const operations[])(void) = {
    do_open,  do_open,   do_open,   do_open,   do_close,   do_dup,       do_read,     do_read,
    do_pread, do_write,  do_write,  do_pwrite, do_seek,    do_seek,      do_truncate, do_allocate,
    do_stat,  do_stat,   do_stat,   do_access, do_unlink,  do_unlink,    do_rmdir,    do_mkdir,
    do_mkdir, do_rename, do_rename, do_link,   do_symlink, do_readlink,  do_list,     do_lock,
    do_lock,  do_flock,  do_map,    do_stream, do_sync,    do_temporary,
};

static int play_all(void *unused)
{
    (void)unused;
    play.state = play.seed * 7919 + 13;
    play.log->used = 0;
    play.log->text[0] = '\0';
    for (int i = 0; i < FDS; i++)
        play.fds[i] = -1;
    for (int i = 0; i < OPS; i++)
        operations[draw(sizeof(operations) / sizeof(operations[0]))]();
    for (int i = 0; i < FDS; i++)
        if (play.fds[i] >= 0)
            (void)close(play.fds[i]);
    return 0;
}

/* ---- both sides ---- */

static void remove_all(const char *folder)
{
    char command[256];

    (void)snprintf(command, sizeof(command), "rm -rf -- '%s'", folder);
    assert_int_equal(system(command), 0);
}

static void play_natively(const char *base)
{
    char inside[128];

    /* A level down: ".." is ours too. */
    (void)snprintf(inside, sizeof(inside), "%s/native/in", base);
    assert_int_equal(system("true"), 0);
    (void)snprintf(play.buffer, sizeof(play.buffer), "%s/native", base);
    assert_int_equal(mkdir(play.buffer, 0755), 0);
    assert_int_equal(mkdir(inside, 0755), 0);
    assert_int_equal(chdir(inside), 0);
    play.log = &native;
    play_all(NULL);
    assert_int_equal(chdir("/"), 0);
    (void)snprintf(inside, sizeof(inside), "%s/native", base);
    remove_all(inside);
}

static void play_simulated(const char *base)
{
    char inside[128];
    struct run_result result;

    (void)snprintf(inside, sizeof(inside), "%s/simulated/in", base);
    assert_int_equal(chdir(inside), 0);
    play.log = &simulated;
    run_seed(play_all, 0, &result);
    if (result.finding.kind != FINDING_NONE)
        fail_msg("seed %lu: %s", (unsigned long)play.seed, result.finding.title);
    assert_int_equal(program_exit_status(), 0);
    assert_int_equal(chdir("/"), 0);
}

static void both(const char *base, uint64_t seed, bool is_printed)
{
    play.seed = seed;
    play_natively(base);
    play_simulated(base);
    if (is_printed)
        (void)printf("--- native\n%s--- simulated\n%s", native.text, simulated.text);
    if (strcmp(native.text, simulated.text) != 0) {
        size_t at = 0;
        while (native.text[at] == simulated.text[at])
            at++;
        while (at > 0 && native.text[at - 1] != '\n')
            at--;
        fail_msg("seed %lu: the system says\n%.200s\nand the simulated one\n%.200s",
                 (unsigned long)seed, native.text + at, simulated.text + at);
    }
}

enum { TMP_BYTES_MAX = 60 };

static void the_same_calls_have_the_same_results(void **state)
{
    const char *one = getenv("HEDDLE_DIFF_SEED");
    const char *tmp = getenv("TEST_TMPDIR");
    char base[96];
    char path[128];

    (void)state;
    program_kernel_set(true);
    (void)umask(022);
    /* A sandbox's own folder may be too long a name for the calls that are compared. */
    (void)snprintf(base, sizeof(base), "%s/filesXXXXXX",
                   tmp == NULL || strlen(tmp) > TMP_BYTES_MAX ? "/tmp" : tmp);
    assert_non_null(mkdtemp(base));
    (void)snprintf(path, sizeof(path), "%s/simulated", base);
    assert_int_equal(mkdir(path, 0755), 0);
    (void)snprintf(path, sizeof(path), "%s/simulated/in", base);
    assert_int_equal(mkdir(path, 0755), 0);
    if (one != NULL)
        both(base, strtoul(one, NULL, 0), true);
    else
        for (uint64_t seed = 0; seed < SEQUENCES; seed++)
            both(base, seed, false);
    /* And nothing of it was done to the real folder. */
    assert_int_equal(rmdir(path), 0);
    remove_all(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_same_calls_have_the_same_results)};

    return TESTS_RUN(tests);
}
