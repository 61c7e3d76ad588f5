"""The threads that share loop nests: one pool for the process, in native code, known to other modules as `wengert_share`.

`wengert_share(runner, pack, chunks, limit, nanoseconds)` calls `runner(pack, chunk)` once for each chunk, on at most `limit`
threads, and returns when all are done. The calling thread takes chunks itself, and waits only for those that a worker has
begun: a worker that sleeps, or that the system does not run, costs nothing but its help. While another thread has the pool,
the calling thread does all chunks.

All agreement is in one word, the ticket: limit, chunks, and the next chunk. Who moves it on owns that chunk, of whatever job
is then current, and that job stays current until the chunk is done.

Workers are started by the first job, with all signals blocked, so that these reach Python's threads. They look for the next
job for a while (`AWAKE`), then sleep. Waking one takes long, so it is done for a large job, or a small one that
soon follows another. Before BLAS begins, whose threads need the processors, `wengert_rest` sends them to sleep. They belong
to a process: in one that was forked, the first job finds another process's number, and sets up the pool anew.
"""

from __future__ import annotations

import os
import signal
import time
from functools import cache

from wengert.compiler.running import native

AWAKE = 50_000  # nanoseconds that a worker looks for its next chunk until it sleeps
LARGE = 80_000  # nanoseconds of work that sleeping workers are woken for
AFTER_BLAS = 1_000_000  # nanoseconds for which small jobs wake nobody: BLAS will come again, and its threads look, too
PATIENCE = 64  # times to look between looking at the clock; some microseconds
LONG = 2500  # times to look for what workers have begun, until other threads may run
NEEDED = (
    "pthread_create", "pthread_detach", "pthread_sigmask", "sigfillset", "getpid", "sched_yield", "clock_gettime",
    "pthread_mutex_init", "pthread_mutex_lock", "pthread_mutex_trylock", "pthread_mutex_unlock",
    "pthread_cond_init", "pthread_cond_wait", "pthread_cond_broadcast",
)  # fmt: skip

TEXT = """
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(i64)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @sigfillset(ptr)
declare i32 @getpid()
declare i32 @sched_yield()
declare i32 @clock_gettime(i32, ptr)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_trylock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_broadcast(ptr)
DECLARATIONS

@home = internal global i32 0, align 64 ; the process that all this is about; its negative while one thread sets it up
@busy = internal global i32 0, align 64 ; whether a thread has the pool
@ticket = internal global i64 0, align 64 ; limit << 48 | chunks << 24 | next chunk
@done = internal global i64 0, align 64 ; chunks, of the current job
@runner = internal global ptr null, align 64
@pack = internal global ptr null
@started = internal global i64 0 ; workers; their places are 1, 2, ..., that of the thread with the job is 0
@most = internal global i64 0 ; workers that can be started
@ended = internal global i64 0 ; when the last job did
@resting = internal global i32 0, align 64 ; are workers to sleep at once, until the next job?
@rested = internal global i64 0 ; when they were told so
@sleeping = internal global i64 0, align 64 ; workers; what it counts changes under the mutex
@mutex = internal global [128 x i8] zeroinitializer, align 64
@condition = internal global [128 x i8] zeroinitializer, align 64

define void @wengert_share(ptr %runner, ptr %pack, i64 %chunks, i64 %limit, i64 %nanoseconds) nounwind {
entry:
  %process = call i32 @getpid()
  %home = load atomic i32, ptr @home acquire, align 4
  %at_home = icmp eq i32 %home, %process
  br i1 %at_home, label %ask, label %look
look: ; the first job of this process, unless another thread is just setting up the pool
  %marked = sub i32 0, %process
  %others = icmp eq i32 %home, %marked
  br i1 %others, label %alone, label %adopt
adopt:
  %adopted = cmpxchg ptr @home, i32 %home, i32 %marked seq_cst seq_cst
  %is_adopted = extractvalue { i32, i1 } %adopted, 1
  br i1 %is_adopted, label %set_up, label %alone
set_up:
  store atomic i32 1, ptr @busy seq_cst, align 4
  store atomic i64 0, ptr @ticket seq_cst, align 8
  store atomic i64 0, ptr @sleeping seq_cst, align 8
  store i64 0, ptr @started
  store i64 65535, ptr @most
  store i64 0, ptr @ended
  %mutex_code = call i32 @pthread_mutex_init(ptr @mutex, ptr null)
  %condition_code = call i32 @pthread_cond_init(ptr @condition, ptr null)
  store atomic i32 %process, ptr @home seq_cst, align 4
  br label %begin
ask:
  %asked = cmpxchg ptr @busy, i32 0, i32 1 seq_cst seq_cst
  %given = extractvalue { i32, i1 } %asked, 1
  br i1 %given, label %begin, label %alone
begin:
  call void @hire(i64 %limit)
  store ptr %runner, ptr @runner
  store ptr %pack, ptr @pack
  store atomic i64 0, ptr @done seq_cst, align 8
  %limited = shl i64 %limit, 48
  %counted = shl i64 %chunks, 24
  %ticket = or i64 %limited, %counted
  store atomic i64 %ticket, ptr @ticket seq_cst, align 8
  store atomic i32 0, ptr @resting seq_cst, align 4
  %sleeping = load atomic i64, ptr @sleeping seq_cst, align 8
  %all_awake = icmp eq i64 %sleeping, 0
  br i1 %all_awake, label %help, label %consider
consider: ; a small job is not worth it, but the first of many that follow each other is, unless BLAS is between them
  %large = icmp uge i64 %nanoseconds, LARGE
  %now = call i64 @now()
  %ended = load i64, ptr @ended
  %idle = sub i64 %now, %ended
  %soon = icmp ult i64 %idle, AWAKE
  %rested = load atomic i64, ptr @rested monotonic, align 8
  %rest = sub i64 %now, %rested
  %undisturbed = icmp ugt i64 %rest, AFTER_BLAS
  %follows = and i1 %soon, %undisturbed
  %worth = or i1 %large, %follows
  br i1 %worth, label %rouse, label %help
rouse: ; who has the mutex now is about to sleep or waking up; at worst it is missed
  %tried = call i32 @pthread_mutex_trylock(ptr @mutex)
  %locked = icmp eq i32 %tried, 0
  br i1 %locked, label %call_all, label %help
call_all:
  %broadcast_code = call i32 @pthread_cond_broadcast(ptr @condition)
  %unlock_code = call i32 @pthread_mutex_unlock(ptr @mutex)
  br label %help
help:
  call void @work(i64 0)
  br label %wait
wait:
  %waited = phi i64 [ 0, %help ], [ %longer, %pausing ], [ %longer, %yielding ]
  %finished = load atomic i64, ptr @done seq_cst, align 8
  %complete = icmp eq i64 %finished, %chunks
  br i1 %complete, label %leave, label %pausing
pausing:
  PAUSE
  %longer = add i64 %waited, 1
  %long = icmp ugt i64 %longer, LONG
  br i1 %long, label %yielding, label %wait
yielding:
  %yield_code = call i32 @sched_yield()
  br label %wait
leave:
  %end = call i64 @now()
  store i64 %end, ptr @ended
  store atomic i32 0, ptr @busy seq_cst, align 4
  ret void
alone:
  %chunk = phi i64 [ 0, %look ], [ 0, %adopt ], [ 0, %ask ], [ %following, %alone ]
  call void %runner(ptr %pack, i64 %chunk)
  %following = add i64 %chunk, 1
  %more = icmp ult i64 %following, %chunks
  br i1 %more, label %alone, label %finish
finish:
  ret void
}

; The threads of others are about to work.
define void @wengert_rest() nounwind {
  store atomic i32 1, ptr @resting monotonic, align 4
  %now = call i64 @now()
  store atomic i64 %now, ptr @rested monotonic, align 8
  ret void
}

; Start workers, if fewer than limit - 1 are there and more can be started.
define internal void @hire(i64 %limit) nounwind {
entry:
  %all = alloca [128 x i8], align 64
  %before = alloca [128 x i8], align 64
  %thread = alloca i64, align 8
  %started = load i64, ptr @started
  %most = load i64, ptr @most
  %others = sub i64 %limit, 1
  %fewer = icmp ult i64 %others, %most
  %wanted = select i1 %fewer, i64 %others, i64 %most
  %enough = icmp uge i64 %started, %wanted
  br i1 %enough, label %leave, label %block
block:
  %fill_code = call i32 @sigfillset(ptr %all)
  %block_code = call i32 @pthread_sigmask(i32 SIG_SETMASK, ptr %all, ptr %before)
  br label %start
start:
  %last = phi i64 [ %started, %block ], [ %place, %begun ]
  %place = add i64 %last, 1
  %argument = inttoptr i64 %place to ptr
  %create_code = call i32 @pthread_create(ptr %thread, ptr null, ptr @worker, ptr %argument)
  %failed = icmp ne i32 %create_code, 0
  br i1 %failed, label %no_more, label %begun
no_more:
  store i64 %last, ptr @most
  br label %restore
begun:
  %identifier = load i64, ptr %thread
  %detach_code = call i32 @pthread_detach(i64 %identifier)
  store i64 %place, ptr @started
  %again = icmp ult i64 %place, %wanted
  br i1 %again, label %start, label %restore
restore:
  %restore_code = call i32 @pthread_sigmask(i32 SIG_SETMASK, ptr %before, ptr null)
  br label %leave
leave:
  ret void
}

; Is there a chunk for the thread at this place?
define internal i1 @wanted(i64 %ticket, i64 %place) nounwind alwaysinline {
  %next = and i64 %ticket, 16777215
  %shifted = lshr i64 %ticket, 24
  %chunks = and i64 %shifted, 16777215
  %limit = lshr i64 %ticket, 48
  %left = icmp ult i64 %next, %chunks
  %allowed = icmp ult i64 %place, %limit
  %both = and i1 %left, %allowed
  ret i1 %both
}

; Take chunks until none is left.
define internal void @work(i64 %place) nounwind {
entry:
  br label %look
look:
  %ticket = load atomic i64, ptr @ticket seq_cst, align 8
  %wanted = call i1 @wanted(i64 %ticket, i64 %place)
  br i1 %wanted, label %take, label %leave
take:
  %following = add i64 %ticket, 1
  %taken = cmpxchg ptr @ticket, i64 %ticket, i64 %following seq_cst seq_cst
  %mine = extractvalue { i64, i1 } %taken, 1
  br i1 %mine, label %run, label %look
run:
  %runner = load ptr, ptr @runner
  %pack = load ptr, ptr @pack
  %chunk = and i64 %ticket, 16777215
  call void %runner(ptr %pack, i64 %chunk)
  %count = atomicrmw add ptr @done, i64 1 seq_cst
  br label %look
leave:
  ret void
}

define internal i64 @now() nounwind {
  %time = alloca { i64, i64 }, align 8
  %code = call i32 @clock_gettime(i32 CLOCK_MONOTONIC, ptr %time)
  %seconds = load i64, ptr %time
  %below = getelementptr { i64, i64 }, ptr %time, i32 0, i32 1
  %fraction = load i64, ptr %below
  %whole = mul i64 %seconds, 1000000000
  %all = add i64 %whole, %fraction
  ret i64 %all
}

define internal ptr @worker(ptr %argument) nounwind {
entry:
  %place = ptrtoint ptr %argument to i64
  br label %begin
begin:
  call void @work(i64 %place)
  %since = call i64 @now()
  br label %look
look:
  %looks = phi i64 [ 0, %begin ], [ 0, %ask ], [ %looked, %pause ]
  %ticket = load atomic i64, ptr @ticket seq_cst, align 8
  %wanted = call i1 @wanted(i64 %ticket, i64 %place)
  br i1 %wanted, label %begin, label %rest_or_pause
rest_or_pause:
  %told = load atomic i32, ptr @resting monotonic, align 4
  %resting = icmp ne i32 %told, 0
  br i1 %resting, label %sleep, label %pause
pause:
  PAUSE
  %looked = add i64 %looks, 1
  %often = icmp uge i64 %looked, PATIENCE
  br i1 %often, label %ask, label %look
ask:
  %now = call i64 @now()
  %passed = sub i64 %now, %since
  %tired = icmp ugt i64 %passed, AWAKE
  br i1 %tired, label %sleep, label %look
sleep:
  %lock_code = call i32 @pthread_mutex_lock(ptr @mutex)
  %more = atomicrmw add ptr @sleeping, i64 1 seq_cst
  %latest = load atomic i64, ptr @ticket seq_cst, align 8
  %after_all = call i1 @wanted(i64 %latest, i64 %place)
  br i1 %after_all, label %rise, label %rest
rest:
  %wait_code = call i32 @pthread_cond_wait(ptr @condition, ptr @mutex)
  br label %rise
rise:
  %fewer = atomicrmw sub ptr @sleeping, i64 1 seq_cst
  %unlock_code = call i32 @pthread_mutex_unlock(ptr @mutex)
  br label %begin
}
"""

PAUSES = {
    "x86": ("declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"),
    "aarch64": ("declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)"),
    "": ("", "fence seq_cst"),
}


@cache
def processors() -> int:
    """How many threads may run at once; 1 where there is no pool."""
    if not possible():
        return 1
    available = getattr(os, "sched_getaffinity", None)
    return len(available(0)) if available else os.cpu_count() or 1


@cache
def possible() -> bool:
    """Has this system all that a pool needs?"""
    return all(map(native.known, NEEDED)) and hasattr(signal, "SIG_SETMASK") and hasattr(time, "CLOCK_MONOTONIC")


@cache
def ready() -> None:
    """Make `wengert_share` known to the modules that are compiled from now on."""
    kind = next(name for name in PAUSES if native.architecture().startswith(name))
    declaration, pause = PAUSES[kind]
    words: dict[str, object] = {
        "DECLARATIONS": declaration, "PAUSE": pause, "PATIENCE": PATIENCE, "LONG": LONG, "LARGE": LARGE, "AWAKE": AWAKE,
        "AFTER_BLAS": AFTER_BLAS, "SIG_SETMASK": int(signal.SIG_SETMASK), "CLOCK_MONOTONIC": time.CLOCK_MONOTONIC,
    }  # fmt: skip
    text = TEXT
    for word, value in words.items():
        text = text.replace(word, str(value))
    native.Code(text, ["wengert_share", "wengert_rest"], level=0).publish()
