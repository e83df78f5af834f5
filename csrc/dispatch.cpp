// Which of the compiled instruction sets runs.
#include <cstring>
#include <string>
#include <vector>

#include "kernels.h"

#include <unistd.h>

namespace ostinato {

#define OSTINATO_DECLARE(set)           \
  namespace set {                       \
  extern const Kernels<float> kFloat;   \
  extern const Kernels<double> kDouble; \
  }
OSTINATO_DECLARE(baseline)
#if defined(__x86_64__)
OSTINATO_DECLARE(avx2)
OSTINATO_DECLARE(avx512)
#endif

namespace {

#if defined(__x86_64__)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
#endif

struct InstructionSet {
  const Kernels<float>* of_float;
  const Kernels<double>* of_double;
  const char* name() const { return of_float->name; }
};

// Those that this machine runs, best first.
std::vector<InstructionSet> known() {
  std::vector<InstructionSet> sets;
#if defined(__x86_64__)
  if (has_avx512()) sets.push_back({&avx512::kFloat, &avx512::kDouble});
  if (has_avx2()) sets.push_back({&avx2::kFloat, &avx2::kDouble});
#endif
  sets.push_back({&baseline::kFloat, &baseline::kDouble});
  return sets;
}

InstructionSet choose(const char* limit) {
  std::string names;
  for (const InstructionSet& set : known()) {
    if (!*limit || !std::strcmp(limit, set.name())) return set;
    names += (names.empty() ? "" : ", ") + std::string(set.name());
  }
  throw PlanError(std::string("got the instruction set '") + limit + "', this machine has " + names);
}

}  // namespace

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const InstructionSet& set : known()) names.push_back(set.name());
  return names;
}

template <>
const Kernels<float>& kernels<float>(const char* limit) {
  return *choose(limit).of_float;
}

template <>
const Kernels<double>& kernels<double>(const char* limit) {
  return *choose(limit).of_double;
}

int64_t cache_bytes() {
#ifdef _SC_LEVEL2_CACHE_SIZE
  const long size = sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (size > 0) return size;
#endif
  return 1 << 20;
}

}  // namespace ostinato
