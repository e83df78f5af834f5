// Runs a plan.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "kernels.h"
#include "plan.h"

namespace ostinato {

// The vectors' instructions that a thread is worth waking for; tests wake more.
extern std::atomic<double> thread_work;

// The caller's memory for one array: [T, B, n], [B, n], [n] or [n, columns]; units are adjacent.
struct Buffer {
  void* data;
  int64_t stride_step;  // in elements; of a matrix: from row to row
  int64_t stride_row;
};

struct Call {
  int64_t num_steps;
  int64_t num_rows;
  const int64_t* lengths;  // [B], or null: T everywhere
  uint64_t seed;
  int64_t first_step;
  int num_threads;
  bool adds;            // reductions add to what their targets hold
  int64_t weights_key;  // equal keys: the same weights; negative: never the same
  std::vector<Buffer> buffers;
  std::vector<int64_t> own_lengths;  // what `lengths` points at, where the call holds them itself
};

// A call with all the memory that it needs.
class Prepared {
 public:
  virtual ~Prepared() = default;
  virtual void run() = 0;
};

// One plan, ready to run; calls from several threads at once are fine.
template <class T>
class Executor {
 public:
  Executor(Plan plan, const char* instruction_set);
  ~Executor();
  void run(const Call& call);
  // For a call that is run again and again, which outlives what is returned; its weights stay.
  std::unique_ptr<Prepared> prepare(const Call& call);
  const Plan& plan() const;
  const char* instruction_set() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

extern template class Executor<float>;
extern template class Executor<double>;

}  // namespace ostinato
