/* process.c: a child knows that it is another process. */
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "process.h"

TEST(is_this_process_also_after_a_fork)
{
    CHECK(fiks_process() == getpid());
    CHECK(fiks_process() == getpid());
    pid_t child = fork();
    if (child == 0) {
        bool right = fiks_process() == getpid();
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(fiks_process() == getpid() ? 0 : 1);
        int status = 1;
        waitpid(grandchild, &status, 0);
        _exit(right && status == 0 ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    CHECK(fiks_process() == getpid());
}

int main(void)
{
    return run_tests("test_process");
}
