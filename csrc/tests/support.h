// What the tests share: checks, plans written by hand, and a call's memory with fences around it.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "kernels.h"
#include "plan.h"
#include "run.h"

namespace ostinato::tests {

template <class... Parts>
std::string text_of(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

[[noreturn]] inline void fail(const char* file, int line, const std::string& what) {
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
  std::_Exit(1);  // maybe on one of several threads
}
// The message, whatever can be printed after the condition, is only made where it fails.
#define CHECK(holds, ...)                                                                         \
  do {                                                                                            \
    if (!(holds))                                                                                 \
      ::ostinato::tests::fail(__FILE__, __LINE__, ::ostinato::tests::text_of(#holds, ": ", __VA_ARGS__)); \
  } while (false)

// A plan, written piece by piece

// An array, and the caller's buffer that holds it.
struct Ref {
  int64_t array = -1;
  int64_t buffer = -1;
};

inline Operand slot(int64_t index) { return Operand{index, false}; }
inline Operand whole(Ref ref) { return Operand{-1 - ref.array, false}; }
inline Operand splat(Ref ref) { return Operand{-1 - ref.array, true}; }

inline Instruction instruction(Op op, Operand target, std::vector<Operand> args, int64_t random = -1) {
  Instruction made{};
  made.op = op;
  made.target = target;
  made.num_args = int64_t(args.size());
  for (size_t k = 0; k < args.size(); ++k) made.args[k] = args[k];
  made.random = random;
  return made;
}

struct Builder {
  Plan plan;

  Ref add(ArrayKind kind, int64_t size, bool is_external, int64_t columns = 0) {
    Array a{};
    a.kind = kind;
    a.size = size;
    a.columns = columns;
    a.external = is_external ? plan.num_externals++ : -1;
    a.of = a.initial = -1;
    plan.arrays.push_back(a);
    return Ref{int64_t(plan.arrays.size()) - 1, a.external};
  }
  Ref vector(int64_t size, bool is_external = true) { return add(ArrayKind::vector, size, is_external); }
  Ref rows(int64_t size, bool is_external = true) { return add(ArrayKind::rows, size, is_external); }
  Ref stream(int64_t size, bool is_external = true) { return add(ArrayKind::stream, size, is_external); }
  Ref local(int64_t size) { return add(ArrayKind::local, size, false); }
  Ref matrix(int64_t size, int64_t columns) { return add(ArrayKind::matrix, size, true, columns); }
  Ref constant(double number) {
    const Ref made = add(ArrayKind::constant, 1, false);
    plan.arrays.back().number = number;
    return made;
  }
  Ref shift(Ref of, Ref initial, bool reverse) {
    const Ref made = add(ArrayKind::shift, plan.arrays[size_t(of.array)].size, false);
    plan.arrays.back().of = of.array;
    plan.arrays.back().initial = initial.array;
    plan.arrays.back().reverse = reverse;
    return made;
  }
  int64_t random(int64_t stream, double probability, bool per_step) {
    plan.randoms.push_back(Random{stream, probability, per_step});
    return int64_t(plan.randoms.size()) - 1;
  }
  Section& section(SectionKind kind, bool reverse = false) {
    plan.sections.push_back(Section{kind, reverse, {}, {}});
    return plan.sections.back();
  }
  void reduce(Ref target, Ref delta, Ref operand, int64_t first_column = 0) {
    plan.reductions.push_back(Reduction{target.array, delta.array, operand.array, first_column});
  }
};

inline Phase& phase(Section& section, bool waits) {
  section.phases.push_back(Phase{waits, {}, {}});
  return section.phases.back();
}

inline TileProgram& program(Phase& phase, int64_t size, int64_t num_slots,
                            std::vector<Instruction> instructions) {
  phase.programs.push_back(TileProgram{size, num_slots, {}, std::move(instructions)});
  return phase.programs.back();
}

inline void norm(Phase& phase, NormOp op, Ref target, std::vector<Ref> args) {
  Norm made{op, target.array, {}};
  for (Ref a : args) made.args.push_back(a.array);
  phase.norms.push_back(made);
}

// One product: its slot, a block for each operand, and what its sum starts from.
struct Product {
  int64_t slot;
  std::vector<Block> blocks;
  Ref start = Ref{};
};

inline void group(TileProgram& program, std::vector<Ref> operands, std::vector<Product> products) {
  ProductGroup made;
  for (Ref operand : operands) made.operands.push_back(operand.array);
  for (const Product& product : products) {
    made.slots.push_back(product.slot);
    made.starts.push_back(product.start.array);
    made.blocks.push_back(product.blocks);
  }
  program.groups.push_back(made);
}

// The words that parse_plan reads.
struct Words {
  std::vector<int64_t> words;
  std::vector<double> numbers;
};

Words encode(const Plan& plan);

inline Plan parse(const Words& w) {
  return parse_plan(w.words.data(), w.words.size(), w.numbers.data(), w.numbers.size());
}

// Numbers of a call

struct Shape {
  int64_t num_steps = 0, num_rows = 0;
  std::vector<int64_t> lengths;  // empty: num_steps everywhere
  uint64_t seed = 0;
  int64_t first_step = 0;
  int64_t length(int64_t row) const { return lengths.empty() ? num_steps : lengths[size_t(row)]; }
  std::string text() const;
};

// The buffers of a call, dense: streams [T, B, n], rows [B, n], vectors [n], matrices [n, columns].
class Data {
 public:
  Data(const Plan& plan, const Shape& shape);
  // Numbers on a grid that a float holds, so that equal ones occur.
  void fill(uint64_t seed);
  double* stream(Ref ref, int64_t t, int64_t b) {
    return numbers[size_t(ref.buffer)].data() + (t * shape.num_rows + b) * size(ref);
  }
  double* rows(Ref ref, int64_t b) { return numbers[size_t(ref.buffer)].data() + b * size(ref); }
  double* vector(Ref ref) { return numbers[size_t(ref.buffer)].data(); }
  double* matrix(Ref ref, int64_t row) {
    return numbers[size_t(ref.buffer)].data() + row * arrays[size_t(ref.buffer)].columns;
  }
  int64_t size(Ref ref) const { return arrays[size_t(ref.buffer)].size; }

  Shape shape;
  std::vector<Array> arrays;  // of each buffer
  std::vector<std::vector<double>> numbers;
};

// How the memory of a call lies: `padding` numbers after each row of units, which no call may
// touch; `batch_first`: [B, T, n].
struct Layout {
  int64_t padding = 0;
  bool batch_first = false;
};

template <class T>
class Memory {
 public:
  Memory(const Data& data, Layout layout);
  Call call(const Shape& shape, int num_threads, int64_t weights_key = -1) const;
  // As doubles, dense; fails where the padding was written.
  std::vector<std::vector<double>> read() const;

 private:
  struct Block {
    std::unique_ptr<T[]> numbers;  // exactly as many as there are: the sanitizer sees one more
    int64_t count = 0;
    int64_t outer = 1, inner = 1, units = 0;  // [outer, inner, units]
    Buffer buffer{};
    int64_t step_outer = 0, step_inner = 0;
  };
  std::vector<Block> blocks_;
  Layout layout_;
};

// The instruction sets of this machine.
std::vector<const char*> instruction_sets();

// Whether two runs gave the same bits; NaN equals itself.
bool same_bits(const std::vector<std::vector<double>>& a, const std::vector<std::vector<double>>& b);

// A plan and what it means, as plain loops.

struct Case {
  std::string name;
  Plan plan;
  std::function<void(Data&)> naive;  // writes what the engine should write
  bool has_products;                 // of weights: the order of their sums depends on the threads
};

// Each with every kind of section, array or operation that it is about. `units`, `inputs`: sizes.
std::vector<Case> all_cases(int64_t units, int64_t inputs, bool reverse);

// Files of tests

void test_numbers(bool is_quick);
void test_threads(bool is_quick);
void test_malformed(bool is_quick);

}  // namespace ostinato::tests
