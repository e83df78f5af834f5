#include "team.h"

#include <dlfcn.h>
#include <unistd.h>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace ostinato {
namespace {

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

constexpr int kSpins = 4000;

using Work = std::function<void(int, int)>;

struct Shared {
  const Work* work;
  std::mutex mutex;
  std::exception_ptr error;

  void call(int k, int n) {
    try {
      (*work)(k, n);
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
    *reinterpret_cast<void**>(&thread) = dlsym(RTLD_DEFAULT, "omp_get_thread_num");
    *reinterpret_cast<void**>(&threads) = dlsym(RTLD_DEFAULT, "omp_get_num_threads");
    *reinterpret_cast<void**>(&in_parallel) = dlsym(RTLD_DEFAULT, "omp_in_parallel");
  }
  bool found() const { return parallel && thread && threads && in_parallel; }
};

struct OpenMPCall {
  Shared* shared;
  const OpenMP* openmp;
  static void enter(void* data) {
    auto* call = static_cast<OpenMPCall*>(data);
    call->shared->call(call->openmp->thread(), call->openmp->threads());
  }
};

// Our own threads, for a process without OpenMP. One call at a time: a second one runs alone.
class Pool {
 public:
  bool run(int wanted, Shared& shared) {
    std::unique_lock<std::mutex> busy(busy_, std::try_to_lock);
    if (!busy.owns_lock() || getpid() != process_) return false;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      while (int(threads_.size()) < wanted - 1) {
        const int k = int(threads_.size()) + 1;
        threads_.emplace_back([this, k, seen = round_]() mutable { serve(k, seen); });
      }
      shared_ = &shared;
      wanted_ = wanted;
      left_ = wanted - 1;
      ++round_;
    }
    wake_.notify_all();
    shared.call(0, wanted);
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return left_ == 0; });
    shared_ = nullptr;
    return true;
  }

  ~Pool() {
    if (getpid() != process_) {  // the threads stayed in the parent process
      for (std::thread& thread : threads_) thread.detach();
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void serve(int k, long seen) {
    for (;;) {
      Shared* shared;
      int wanted;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || round_ != seen; });
        if (stop_) return;
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

  const pid_t process_ = getpid();
  std::mutex busy_, mutex_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> threads_;
  Shared* shared_ = nullptr;
  int wanted_ = 0, left_ = 0;
  long round_ = 0;
  bool stop_ = false;
};

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
      relax();
    } else {
      std::this_thread::yield();
    }
  }
}

void together(int wanted, const Work& work) {
  Shared shared;
  shared.work = &work;
  static const OpenMP openmp;
  if (wanted <= 1) {
    shared.call(0, 1);
  } else if (openmp.found()) {
    if (openmp.in_parallel()) {
      shared.call(0, 1);
    } else {
      OpenMPCall call{&shared, &openmp};
      openmp.parallel(&OpenMPCall::enter, &call, unsigned(wanted), 0);
    }
  } else {
    static Pool pool;
    if (!pool.run(wanted, shared)) shared.call(0, 1);
  }
  if (shared.error) std::rethrow_exception(shared.error);
}

}  // namespace ostinato
