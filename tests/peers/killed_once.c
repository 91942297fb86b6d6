/* Loaded into ssl-usage: the first process that has written the tables of a part, and is about to write its .json, is killed, and so
   is the Python process that runs the task. KILLED names a file that then exists. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int exists(const char *part, const char *ending) {
    char path[4200];
    snprintf(path, sizeof path, "%s%s", part, ending);
    return access(path, F_OK) == 0;
}

int fsync(int file) {
    char link[64], path[4096] = "", *end;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    if (readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/parts/") && (end = strstr(path, ".json."))) {
        *end = 0;
        if (exists(path, ".parquet") && exists(path, ".readings.parquet") && !exists(path, ".json")
            && open(getenv("KILLED"), O_CREAT | O_EXCL | O_WRONLY, 0600) >= 0) {
            kill(getppid(), SIGKILL);
            kill(getpid(), SIGKILL);
        }
    }
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return next(file);
}
