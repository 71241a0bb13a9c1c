/*
 * The benchmarks' worker: says to the nanosecond when it started, was signalled and ended.
 *
 *     worker STAMPS MODE [ARG [ARG]]
 *
 * STAMPS is a file of FILE_SIZE bytes, mapped shared: a stamp costs a clock_gettime (vDSO) and a store, no system
 * call, so the worker disturbs what it measures as little as can be. harness.py has the same layout.
 * Linked statically, so that the dynamic loader is no part of "the worker's first instruction".
 *
 * MODE wait [USEC]        until a stop signal; work on for USEC; exit 0
 *      ignore             stamp the stop signal and stay
 *      tree N             fork N members that `wait`, reap them all, exit 0 (one process group for a wrapper)
 *      lines N            write N numbered lines of LINE bytes to stdout, then as wait
 *      check              count the numbered lines on stdin, in sequence, whatever precedes them; exit 0 at its end
 *      busy USEC BURN     every USEC compute for BURN microseconds and write a line with the time; until a stop signal
 *      delay              how late the lines of `busy` workers come through stdin; exit 0 at its end
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 8191, HEADER = 128, LINE = 100, DIGITS = 12, LINES_PER_WRITE = 650 };
enum role { MAIN = 1, MEMBER = 2 };

/* One process. Times are CLOCK_MONOTONIC in nanoseconds, 0 = has not happened. */
struct slot {
    uint64_t pid;      /* written last: the slot is valid when it is not 0 */
    uint64_t role;
    uint64_t started;  /* first instruction of main() */
    uint64_t signalled; /* first stop signal handled */
    uint64_t ended;    /* last instruction before _exit(); `check`: last line seen */
    uint64_t signal;   /* number of that first stop signal */
    uint64_t probed;   /* last SIGUSR1 handled */
    uint64_t lines;    /* `lines`: written, `check`: seen in sequence, `delay`: seen */
    uint64_t faults;   /* `check`: lines out of sequence */
    uint64_t strangers; /* `check`: lines that are not the worker's */
    uint64_t worst;    /* `delay`: the latest line's microseconds between its writing and its reading */
    uint64_t total;    /* `delay`: the sum of all lines' */
    uint64_t spare[4];
};

#define FILE_SIZE (HEADER + SLOTS * sizeof(struct slot))

static uint64_t *taken;
static struct slot *slots;
static struct slot *self;
static sigset_t handled;

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what)
{
    perror(what);
    _exit(3);
}

static void map_stamps(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        fail(path);
    char *base = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        fail("mmap");
    close(fd);
    taken = (uint64_t *)base;
    slots = (struct slot *)(base + HEADER);
}

static void take_slot(enum role role, uint64_t started)
{
    uint64_t index = __atomic_fetch_add(taken, 1, __ATOMIC_SEQ_CST);
    if (index >= SLOTS)
        _exit(4);
    self = slots + index;
    self->role = role;
    self->started = started;
    __atomic_store_n(&self->pid, (uint64_t)getpid(), __ATOMIC_SEQ_CST);
}

static void leave(void)
{
    self->ended = now();
    _exit(0);
}

/* Stop signals are blocked and taken synchronously: nothing can arrive between "started" and "ready". */
static void block_signals(void)
{
    sigemptyset(&handled);
    sigaddset(&handled, SIGTERM);
    sigaddset(&handled, SIGINT);
    sigaddset(&handled, SIGQUIT);
    sigaddset(&handled, SIGHUP);
    sigaddset(&handled, SIGUSR1);
    sigprocmask(SIG_BLOCK, &handled, NULL);
}

/* Stamps a handled signal; true for a stop signal. */
static int note(int signal)
{
    uint64_t at = now();
    if (signal == SIGUSR1) {
        self->probed = at;
        return 0;
    }
    if (!self->signalled) {
        self->signal = (uint64_t)signal;
        self->signalled = at;
    }
    return 1;
}

static void mode_wait(long usec)
{
    int signal;
    do {
        signal = sigwaitinfo(&handled, NULL);
    } while (signal < 0 || !note(signal));
    if (usec)
        usleep((useconds_t)usec);
    leave();
}

static void mode_ignore(void)
{
    for (;;) {
        int signal = sigwaitinfo(&handled, NULL);
        if (signal > 0)
            note(signal);
    }
}

static void mode_tree(long members)
{
    for (long i = 0; i < members; i++) {
        pid_t pid = fork();
        if (pid < 0)
            fail("fork");
        if (pid == 0) {
            take_slot(MEMBER, now());
            mode_wait(0);
        }
    }
    for (long left = members; left > 0;)
        if (wait(NULL) > 0)
            left--;
    leave();
}

static void write_all(const char *bytes, size_t size)
{
    while (size) {
        ssize_t written = write(STDOUT_FILENO, bytes, size);
        if (written < 0) {
            if (errno == EINTR)
                continue;
            if (errno != EAGAIN)
                fail("write");
            struct pollfd writable = {.fd = STDOUT_FILENO, .events = POLLOUT};
            poll(&writable, 1, -1);
            continue;
        }
        bytes += written;
        size -= (size_t)written;
    }
}

/* "line 000000000042 mmmm...m\n" */
static void fill_line(char *line, uint64_t number)
{
    memcpy(line, "line ", 5);
    memset(line + 5 + DIGITS, 'a' + (int)(number % 26), LINE - 5 - DIGITS);
    line[5 + DIGITS] = ' ';
    line[LINE - 1] = '\n';
    for (char *digit = line + 5 + DIGITS - 1; digit >= line + 5; digit--, number /= 10)
        *digit = (char)('0' + number % 10);
}

static void mode_lines(long count)
{
    static char block[LINE * LINES_PER_WRITE];
    uint64_t number = 0;
    while (number < (uint64_t)count) {
        size_t size = 0;
        for (; size < sizeof block && number < (uint64_t)count; size += LINE)
            fill_line(block + size, ++number);
        write_all(block, size);
        self->lines = number;
    }
    mode_wait(0);
}

static void check_line(const char *line, size_t size)
{
    const char *found = memmem(line, size, "line 0", 6);
    if (!found || (size_t)(line + size - found) != LINE - 1) {
        self->strangers++;
        return;
    }
    if (strtoull(found + 5, NULL, 10) == self->lines + 1)
        self->lines++;
    else
        self->faults++;
}

/* Gives each line on stdin to `take`; `ended` says when it was read. */
static void read_lines(void (*take)(const char *line, size_t size))
{
    static char buffer[1 << 20];
    size_t kept = 0;
    for (;;) {
        ssize_t got = read(STDIN_FILENO, buffer + kept, sizeof buffer - kept);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            _exit(0);
        self->ended = now();
        char *line = buffer, *end = buffer + kept + got, *newline;
        while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
            take(line, (size_t)(newline - line));
            line = newline + 1;
        }
        kept = (size_t)(end - line);
        memmove(buffer, line, kept);
    }
}

/* Microseconds as the DIGITS of a line hold them. */
static uint64_t clock_in_line(uint64_t nanoseconds)
{
    return nanoseconds / 1000 % 1000000000000u;
}

static void delay_line(const char *line, size_t size)
{
    const char *found = memmem(line, size, "line ", 5);
    if (!found || (size_t)(line + size - found) != LINE - 1) {
        self->strangers++;
        return;
    }
    uint64_t late = clock_in_line(self->ended) - strtoull(found + 5, NULL, 10);
    self->lines++;
    self->total += late;
    if (late > self->worst)
        self->worst = late;
}

static void mode_busy(long usec, long burn)
{
    struct timespec period = {.tv_sec = usec / 1000000, .tv_nsec = usec % 1000000 * 1000};
    char line[LINE];
    for (;;) {
        int signal = sigtimedwait(&handled, NULL, &period);
        if (signal > 0 && note(signal))
            leave();
        for (uint64_t until = now() + (uint64_t)burn * 1000; now() < until;)
            continue;
        fill_line(line, clock_in_line(now()));
        write_all(line, LINE);
    }
}

int main(int argc, char **argv)
{
    uint64_t started = now();
    if (argc < 3) {
        fprintf(stderr, "usage: worker STAMPS wait|ignore|tree|lines|check|busy|delay [ARG [ARG]]\n");
        return 2;
    }
    const char *mode = argv[2];
    long first = argc > 3 ? atol(argv[3]) : 0;
    long second = argc > 4 ? atol(argv[4]) : 0;
    map_stamps(argv[1]);
    int reads = !strcmp(mode, "check") || !strcmp(mode, "delay");
    if (!reads) /* those end with their input, or by whatever is sent to them */
        block_signals();
    take_slot(MAIN, started);
    if (!strcmp(mode, "wait"))
        mode_wait(first);
    if (!strcmp(mode, "ignore"))
        mode_ignore();
    if (!strcmp(mode, "tree"))
        mode_tree(first);
    if (!strcmp(mode, "lines"))
        mode_lines(first);
    if (!strcmp(mode, "check"))
        read_lines(check_line);
    if (!strcmp(mode, "delay"))
        read_lines(delay_line);
    if (!strcmp(mode, "busy"))
        mode_busy(first, second);
    fprintf(stderr, "worker: unknown mode %s\n", mode);
    return 2;
}
