// Threads that work together on one call.
#pragma once

#include <atomic>
#include <functional>

namespace ostinato {

// Waits until all members are here. Spins first: a step of a loop lasts microseconds.
class Barrier {
 public:
  explicit Barrier(int size) : size_(size) {}
  void wait();
  // For a member that fails and will not come: the others leave `wait` by an exception, which
  // `together` keeps to itself.
  void abandon() { abandoned_.store(true, std::memory_order_release); }

 private:
  const int size_;
  std::atomic<bool> abandoned_{false};
  std::atomic<int> arrived_{0};
  std::atomic<int> round_{0};
};

// Calls work(k, n) on n threads, k = 0 .. n - 1; n is `wanted`, or less where a pool gives less.
// The pool is OpenMP's where the process has one already (that of torch), else our own, which also
// serves the child of a fork: OpenMP would wait there for threads that only its parent has.
// The first exception of a member is thrown again here. `work` must not come here itself.
void together(int wanted, const std::function<void(int, int)>& work);

}  // namespace ostinato
