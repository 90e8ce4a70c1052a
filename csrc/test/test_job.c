/* Jobs of worker threads: they end on queues as calls do, whatever is freed, closed or forked
 * meanwhile. Runs under the thread sanitizer too (make tsan). */
#include "harness.h"

#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "engine.h"
#include "job.h"

/* What jobs wait at. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int arrived;
static bool is_open;
static atomic_int ran, freed;

typedef struct probe {
    fiks_job job;
    bool held;
    bool fails;
    int order;
} probe;

static void run(fiks_job *job)
{
    probe *p = (probe *)job;
    pthread_mutex_lock(&lock);
    arrived++;
    pthread_cond_broadcast(&changed);
    while (p->held && !is_open)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    p->order = atomic_fetch_add(&ran, 1) + 1;
    if (p->fails)
        job->error = (fiks_error){.kind = FIKS_IO, .message = "as told"};
}

static void free_probe(fiks_job *job)
{
    atomic_fetch_add(&freed, 1);
    free(job);
}

static void set_gate(bool open)
{
    pthread_mutex_lock(&lock);
    is_open = open;
    arrived = 0;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_arrived(void)
{
    pthread_mutex_lock(&lock);
    while (!arrived)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static fiks_worker *start(void)
{
    set_gate(false);
    atomic_store(&ran, 0);
    atomic_store(&freed, 0);
    fiks_error err = {0};
    fiks_worker *worker;
    CHECK_OK(fiks_worker_new(&worker, &err), err);
    return worker;
}

static probe *begin(fiks_worker *worker, fiks_queue *queue, bool held)
{
    probe *p = calloc(1, sizeof *p);
    p->held = held;
    fiks_job_init(&p->job, run, free_probe);
    fiks_error err = {0};
    CHECK_OK(fiks_worker_submit(worker, &p->job, queue, &err), err);
    return p;
}

/* In time, that is: who waits is woken, and does not find it there when the time is up. */
static fiks_completion *next(fiks_queue *queue)
{
    int64_t begun_ms = fiks_now().mono_ms;
    fiks_completion *end = fiks_queue_next(queue, 20000);
    return fiks_now().mono_ms < begun_ms + 20000 ? end : NULL;
}

TEST(each_queue_gives_its_own_jobs_in_order)
{
    fiks_worker *worker = start();
    fiks_queue *one = fiks_queue_new(), *two = fiks_queue_new();
    probe *a = begin(worker, one, true), *b = begin(worker, two, false),
          *c = begin(worker, one, false);
    CHECK(fiks_queue_next(one, 20) == NULL);
    set_gate(true);
    CHECK(next(one) == &a->job.end);
    CHECK(next(one) == &c->job.end);
    CHECK(next(two) == &b->job.end);
    CHECK(fiks_queue_next(one, 0) == NULL);
    CHECK(a->order == 1 && b->order == 2 && c->order == 3);
    CHECK_OK(fiks_job_result(&a->job, NULL), a->job.error);
    fiks_job_free(&a->job);
    fiks_job_free(&b->job);
    fiks_job_free(&c->job);
    CHECK_EQ_INT(freed, 3);
    fiks_queue_free(one);
    fiks_queue_free(two);
    fiks_worker_free(worker);
}

TEST(a_failure_is_its_outcome)
{
    fiks_worker *worker = start();
    probe *p = begin(worker, NULL, true);
    p->fails = true;
    fiks_error err = {0};
    CHECK(!fiks_completion_wait(&p->job.end, 20));
    set_gate(true);
    CHECK(fiks_completion_wait(&p->job.end, -1));
    CHECK_EQ_INT(fiks_job_result(&p->job, &err), FIKS_IO);
    CHECK_STR(err.message, "as told");
    fiks_job_free(&p->job);
    fiks_worker_free(worker);
}

TEST(a_job_may_be_freed_before_it_begins_and_while_it_runs)
{
    fiks_worker *worker = start();
    fiks_queue *queue = fiks_queue_new();
    probe *running = begin(worker, queue, true), *waiting = begin(worker, queue, false);
    wait_arrived();
    fiks_job_free(&running->job);
    fiks_job_free(&waiting->job);
    CHECK_EQ_INT(freed, 0); /* the worker's still */
    set_gate(true);
    probe *last = begin(worker, queue, false);
    CHECK(next(queue) == &last->job.end); /* those before it reach nobody */
    CHECK_EQ_INT(ran, 2);
    fiks_job_free(&last->job);
    fiks_queue_free(queue);
    fiks_worker_free(worker);
    CHECK_EQ_INT(freed, 3);
}

TEST(one_that_was_never_submitted_is_freed_too)
{
    fiks_worker_free(start());
    probe *p = calloc(1, sizeof *p);
    fiks_job_init(&p->job, run, free_probe);
    fiks_job_free(&p->job);
    fiks_job_free(NULL);
    CHECK_EQ_INT(freed, 1);
}

TEST(cancelling_ends_what_has_not_begun)
{
    fiks_worker *worker = start();
    fiks_queue *queue = fiks_queue_new();
    probe *running = begin(worker, queue, true), *waiting = begin(worker, queue, false);
    wait_arrived();
    fiks_job_cancel(&running->job);
    fiks_job_cancel(&waiting->job);
    set_gate(true);
    fiks_error err = {0};
    CHECK(next(queue) == &running->job.end);
    CHECK_OK(fiks_job_result(&running->job, &err), err);
    CHECK(next(queue) == &waiting->job.end);
    CHECK_EQ_INT(fiks_job_result(&waiting->job, &err), FIKS_CANCELLED);
    CHECK_EQ_INT(ran, 1);
    fiks_job_free(&running->job);
    fiks_job_free(&waiting->job);
    fiks_queue_free(queue);
    fiks_worker_free(worker);
}

TEST(a_queue_may_be_closed_meanwhile)
{
    fiks_worker *worker = start();
    fiks_queue *queue = fiks_queue_new();
    probe *running = begin(worker, queue, true), *waiting = begin(worker, queue, false);
    wait_arrived();
    fiks_queue_free(queue);
    set_gate(true);
    CHECK(fiks_completion_wait(&waiting->job.end, 20000));
    CHECK_EQ_INT(ran, 2);
    fiks_job_free(&running->job);
    fiks_job_free(&waiting->job);
    fiks_worker_free(worker);
    CHECK_EQ_INT(freed, 2);
}

static void *open_soon(void *what)
{
    (void)what;
    wait_arrived();
    usleep(20000);
    set_gate(true);
    return NULL;
}

TEST(freeing_a_worker_waits_for_the_job_under_way_and_cancels_the_rest)
{
    fiks_worker *worker = start();
    fiks_queue *queue = fiks_queue_new();
    probe *running = begin(worker, queue, true), *waiting = begin(worker, queue, false);
    wait_arrived();
    pthread_t thread;
    pthread_create(&thread, NULL, open_soon, NULL);
    fiks_worker_free(worker);
    CHECK_EQ_INT(ran, 1);
    fiks_error err = {0};
    CHECK_OK(fiks_job_result(&running->job, &err), err);
    CHECK_EQ_INT(fiks_job_result(&waiting->job, &err), FIKS_CANCELLED);
    pthread_join(thread, NULL);
    fiks_queue_free(queue); /* with both in it */
    fiks_job_free(&running->job);
    fiks_job_free(&waiting->job);
    CHECK_EQ_INT(freed, 2);
}

TEST(its_queues_descriptor_tells_of_it)
{
    fiks_worker *worker = start();
    fiks_queue *queue = fiks_queue_new();
    fiks_error err = {0};
    int fd;
    CHECK_OK(fiks_queue_fd(queue, &fd, &err), err);
    probe *p = begin(worker, queue, true);
    struct pollfd one = {.fd = fd, .events = POLLIN};
    CHECK_EQ_INT(poll(&one, 1, 20), 0);
    set_gate(true);
    CHECK_EQ_INT(poll(&one, 1, 20000), 1);
    CHECK(fiks_queue_next(queue, 0) == &p->job.end);
    CHECK_EQ_INT(poll(&one, 1, 0), 0);
    fiks_engine_thread_stop();
    fiks_job_free(&p->job);
    fiks_queue_free(queue);
    fiks_worker_free(worker);
}

#ifdef __SANITIZE_THREAD__ /* it lets no child of a program with threads start one */
enum { CHILD_HAS_THREADS = 0 };
#else
enum { CHILD_HAS_THREADS = 1 };
#endif

/* In the child: what its parent had is as good as over, and a worker of its own works. */
static bool child_is_free(fiks_worker *parents, probe *under_way, fiks_queue *queue)
{
    fiks_error err = {0};
    bool over = fiks_completion_finished(&under_way->job.end) &&
                fiks_job_result(&under_way->job, &err) == FIKS_CANCELLED;
    probe *p = calloc(1, sizeof *p);
    fiks_job_init(&p->job, run, free_probe);
    bool refused = fiks_worker_submit(parents, &p->job, queue, NULL) == FIKS_CANCELLED;
    fiks_worker_free(parents);
    if (!CHILD_HAS_THREADS)
        return over && refused;
    fiks_worker *own;
    if (fiks_worker_new(&own, &err) || fiks_worker_submit(own, &p->job, queue, &err))
        return false;
    bool works = fiks_queue_next(queue, 20000) == &p->job.end;
    fiks_job_free(&p->job);
    fiks_worker_free(own);
    return over && refused && works;
}

TEST(a_fork_forgets_workers_and_their_jobs)
{
    fiks_worker *worker = start();
    fiks_queue *queue = fiks_queue_new();
    probe *p = begin(worker, queue, true);
    wait_arrived();
    pid_t pid = fork();
    if (pid == 0)
        test_end_child(child_is_free(worker, p, queue));
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK_EQ_INT(status, 0);
    set_gate(true);
    CHECK(next(queue) == &p->job.end);
    fiks_job_free(&p->job);
    fiks_queue_free(queue);
    fiks_worker_free(worker);
}

static bool leaves_early;
static int told;

static void run_until_exit(fiks_job *job)
{
    run(job);
    usleep(50000);
    if (write(told, "done", 4) != 4)
        _exit(1);
}

/* The last handler of a child that exits: what its parent left it is none of its business. */
static void leave(void)
{
    if (leaves_early)
        _exit(0);
}

TEST(a_process_that_exits_waits_for_the_job_under_way)
{
    if (!CHILD_HAS_THREADS)
        return;
    int ends[2];
    CHECK_EQ_INT(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        leaves_early = true;
        told = ends[1];
        fiks_worker *worker;
        if (fiks_worker_new(&worker, NULL))
            _exit(1);
        probe *p = calloc(1, sizeof *p);
        fiks_job_init(&p->job, run_until_exit, free_probe);
        arrived = 0;
        fiks_worker_submit(worker, &p->job, NULL, NULL);
        wait_arrived();
        exit(0);
    }
    close(ends[1]);
    char text[8] = "";
    CHECK_EQ_INT(read(ends[0], text, sizeof text - 1), 4);
    CHECK_STR(text, "done");
    close(ends[0]);
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK_EQ_INT(status, 0);
}

static void *many(void *what)
{
    (void)what;
    fiks_error err = {0};
    fiks_worker *worker;
    if (fiks_worker_new(&worker, &err))
        return NULL;
    fiks_queue *queue = fiks_queue_new();
    probe *all[50];
    for (int i = 0; i < 50; i++) {
        all[i] = calloc(1, sizeof *all[i]);
        fiks_job_init(&all[i]->job, run, free_probe);
        fiks_worker_submit(worker, &all[i]->job, queue, NULL);
        if (i % 5 == 0) {
            fiks_job_free(&all[i]->job);
            all[i] = NULL;
        }
    }
    for (int i = 0; i < 50; i++)
        if (all[i] && !next(queue))
            fprintf(stderr, "  nothing came\n");
    for (int i = 0; i < 50; i++)
        if (all[i])
            fiks_job_free(&all[i]->job);
    fiks_queue_free(queue);
    fiks_worker_free(worker);
    return NULL;
}

TEST(many_threads_with_workers_of_their_own)
{
    fiks_worker_free(start());
    pthread_t threads[6];
    for (int i = 0; i < 6; i++)
        pthread_create(&threads[i], NULL, many, NULL);
    for (int i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ_INT(freed, 300);
}

int main(void)
{
    atexit(leave);
    return run_tests("test_job");
}
