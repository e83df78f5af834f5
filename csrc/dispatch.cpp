// Which of the compiled instruction sets runs.
#include <cstring>
#include <initializer_list>
#include <string>

#include "kernels.h"

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

template <class T>
struct Candidate {
  const Kernels<T>* kernels;
  bool runs_here;
};

#if defined(__x86_64__)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
#endif

template <class T>
const Kernels<T>& choose(const char* limit, std::initializer_list<Candidate<T>> best_first) {
  std::string names;
  for (const Candidate<T>& candidate : best_first) {
    if (!candidate.runs_here) continue;
    if (!*limit || !std::strcmp(limit, candidate.kernels->name)) return *candidate.kernels;
    names += names.empty() ? candidate.kernels->name : std::string(", ") + candidate.kernels->name;
  }
  throw PlanError(std::string("got the instruction set '") + limit + "', this machine has " + names);
}

}  // namespace

template <>
const Kernels<float>& kernels<float>(const char* limit) {
  return choose<float>(limit, {
#if defined(__x86_64__)
                                  {&avx512::kFloat, has_avx512()},
                                  {&avx2::kFloat, has_avx2()},
#endif
                                  {&baseline::kFloat, true}});
}

template <>
const Kernels<double>& kernels<double>(const char* limit) {
  return choose<double>(limit, {
#if defined(__x86_64__)
                                   {&avx512::kDouble, has_avx512()},
                                   {&avx2::kDouble, has_avx2()},
#endif
                                   {&baseline::kDouble, true}});
}

}  // namespace ostinato
