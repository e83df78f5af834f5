#include "team.h"

#include <dlfcn.h>
#include <pthread.h>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <thread>

namespace ostinato {
namespace {

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

constexpr int kEagerSpins = 64, kSpins = 4000;

using Work = std::function<void(int, int)>;

struct Abandoned {};  // leaves a barrier that another member's exception left short

struct Shared {
  const Work* work;
  std::mutex mutex;
  std::exception_ptr error;

  void call(int k, int n) {
    try {
      (*work)(k, n);
    } catch (const Abandoned&) {
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex);
      if (!error) error = std::current_exception();
    }
  }
};

// GNU OpenMP as torch brings it; found by name, since nothing is linked to it.
struct OpenMP {
  void (*parallel)(void (*)(void*), void*, unsigned, unsigned) = nullptr;
  int (*thread)() = nullptr;
  int (*threads)() = nullptr;
  int (*in_parallel)() = nullptr;

  OpenMP() {
    *reinterpret_cast<void**>(&parallel) = dlsym(RTLD_DEFAULT, "GOMP_parallel");
    if (!parallel) return;
    *reinterpret_cast<void**>(&thread) = dlsym(RTLD_DEFAULT, "omp_get_thread_num");
    *reinterpret_cast<void**>(&threads) = dlsym(RTLD_DEFAULT, "omp_get_num_threads");
    *reinterpret_cast<void**>(&in_parallel) = dlsym(RTLD_DEFAULT, "omp_in_parallel");
  }
  bool found() const { return parallel && thread && threads && in_parallel; }
};

// Looked for until it is there: torch may be imported late.
const OpenMP* found_openmp() {
  static std::atomic<const OpenMP*> known{nullptr};
  const OpenMP* found = known.load(std::memory_order_acquire);
  if (found) return found;
  const OpenMP fresh;
  if (!fresh.found()) return nullptr;
  const OpenMP* made = new OpenMP(fresh);
  if (known.compare_exchange_strong(found, made)) return made;
  delete made;
  return found;
}

struct OpenMPCall {
  Shared* shared;
  const OpenMP* openmp;
  static void enter(void* data) {
    auto* call = static_cast<OpenMPCall*>(data);
    call->shared->call(call->openmp->thread(), call->openmp->threads());
  }
};

// Our own threads, for a process without OpenMP. One call at a time, and a second one waits: on
// fewer threads it would add up in another order. Never destroyed: its threads wait on it until
// the process ends.
class Pool {
 public:
  void run(int wanted, Shared& shared) {
    std::lock_guard<std::mutex> busy(busy_);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      for (; num_threads_ < wanted - 1; ++num_threads_)
        std::thread([this, k = num_threads_ + 1, seen = round_] { serve(k, seen); }).detach();
      shared_ = &shared;
      wanted_ = wanted;
      left_ = wanted - 1;
      ++round_;
    }
    wake_.notify_all();
    shared.call(0, wanted);
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return left_ == 0; });
  }

 private:
  [[noreturn]] void serve(int k, long seen) {
    for (;;) {
      Shared* shared;
      int wanted;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return round_ != seen; });
        seen = round_;
        if (k >= wanted_) continue;
        shared = shared_;
        wanted = wanted_;
      }
      shared->call(k, wanted);
      std::lock_guard<std::mutex> lock(mutex_);
      if (--left_ == 0) done_.notify_one();
    }
  }

  std::mutex busy_, mutex_;
  std::condition_variable wake_, done_;
  int num_threads_ = 0;
  Shared* shared_ = nullptr;
  int wanted_ = 0, left_ = 0;
  long round_ = 0;
};

std::atomic<Pool*> current_pool{nullptr};
std::atomic<bool> is_forked{false};

// Threads stay in the parent of a fork, and locks that they held stay locked in the child: it
// starts again with a new pool. The old one is not freed, its threads' places in it are taken.
struct AtFork {
  AtFork() {
    const auto in_child = [] {
      current_pool = nullptr;
      is_forked = true;
    };
    if (pthread_atfork(nullptr, nullptr, in_child) != 0) throw std::bad_alloc();
  }
};
const AtFork at_fork;

Pool& pool() {
  Pool* found = current_pool;
  if (!found) {
    Pool* made = new Pool;
    if (current_pool.compare_exchange_strong(found, made)) return *made;
    delete made;
  }
  return *found;
}

}  // namespace

void Barrier::wait() {
  if (size_ == 1) return;
  const int round = round_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) == size_ - 1) {
    arrived_.store(0, std::memory_order_relaxed);
    round_.store(round + 1, std::memory_order_release);
    return;
  }
  for (int spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
    if (spins < kSpins) {
      if (spins > kEagerSpins) relax();  // a pause may last as long as the others need
    } else {
      if (abandoned_.load(std::memory_order_acquire)) throw Abandoned{};
      std::this_thread::yield();
    }
  }
}

void together(int wanted, const Work& work) {
  Shared shared;
  shared.work = &work;
  if (wanted <= 1) {
    shared.call(0, 1);
  } else if (const OpenMP* openmp = is_forked ? nullptr : found_openmp()) {
    if (openmp->in_parallel()) {
      shared.call(0, 1);
    } else {
      OpenMPCall call{&shared, openmp};
      openmp->parallel(&OpenMPCall::enter, &call, unsigned(wanted), 0);
    }
  } else {
    pool().run(wanted, shared);
  }
  if (shared.error) std::rethrow_exception(shared.error);
}

}  // namespace ostinato
