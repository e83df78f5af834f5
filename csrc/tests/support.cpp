#include "support.h"

#include <limits>

namespace ostinato::tests {
namespace {

class Encoder {
 public:
  explicit Encoder(const Plan& plan) {
    put(1);
    put(plan.num_externals);
    put(plan.arrays.size());
    for (const Array& a : plan.arrays) {
      put(a.kind);
      put(a.size);
      put(a.columns);
      put(a.external);
      put(a.of);
      put(a.initial);
      put(a.reverse);
      if (a.kind == ArrayKind::constant) made.numbers.push_back(a.number);
    }
    put(plan.randoms.size());
    for (const Random& random : plan.randoms) {
      put(random.stream);
      put(random.per_step);
      made.numbers.push_back(random.probability);
    }
    put(plan.sections.size());
    for (const Section& section : plan.sections) write(section);
    put(plan.reductions.size());
    for (const Reduction& r : plan.reductions) {
      put(r.target);
      put(r.delta);
      put(r.operand);
      put(r.first_column);
    }
  }

  Words made;

 private:
  template <class Word>
  void put(Word word) {
    made.words.push_back(int64_t(word));
  }

  void write(const Section& section) {
    put(section.kind);
    put(section.reverse);
    put(section.states.size());
    for (const LoopState& state : section.states) {
      put(state.shift);
      put(state.final);
    }
    put(section.phases.size());
    for (const Phase& phase : section.phases) {
      put(phase.waits);
      put(phase.norms.size());
      for (const Norm& norm : phase.norms) {
        put(norm.op);
        put(norm.target);
        put(norm.args.size());
        for (int64_t a : norm.args) put(a);
      }
      put(phase.programs.size());
      for (const TileProgram& program : phase.programs) write(program);
    }
  }

  void write(const TileProgram& program) {
    put(program.size);
    put(program.num_slots);
    put(program.groups.size());
    for (const ProductGroup& group : program.groups) {
      put(group.operands.size());
      for (int64_t operand : group.operands) put(operand);
      put(group.slots.size());
      for (size_t p = 0; p < group.slots.size(); ++p) {
        put(group.slots[p]);
        put(group.starts[p]);
        for (const Block& block : group.blocks[p]) {
          put(block.matrix);
          put(block.first_column);
          put(block.transposed);
        }
      }
    }
    put(program.instructions.size());
    for (const Instruction& i : program.instructions) {
      put(i.op);
      write(i.target);
      put(i.num_args);
      for (int64_t k = 0; k < i.num_args; ++k) write(i.args[k]);
      put(i.random);
    }
  }

  void write(const Operand& operand) {
    put(operand.index);
    put(operand.splat);
  }
};

constexpr double kFence = -77.125;  // in the padding

}  // namespace

Words encode(const Plan& plan) { return Encoder(plan).made; }

std::string Shape::text() const {
  std::string found = text_of("T = ", num_steps, ", B = ", num_rows);
  for (int64_t n : lengths) found += text_of(" ", n);
  return found;
}

Data::Data(const Plan& plan, const Shape& given) : shape(given) {
  arrays.resize(size_t(plan.num_externals));
  for (const Array& a : plan.arrays)
    if (a.external >= 0) arrays[size_t(a.external)] = a;
  for (const Array& a : arrays) {
    int64_t count = a.size;
    if (a.kind == ArrayKind::rows) count *= shape.num_rows;
    if (a.kind == ArrayKind::stream) count *= shape.num_rows * shape.num_steps;
    if (a.kind == ArrayKind::matrix) count *= a.columns;
    numbers.emplace_back(size_t(count));
  }
}

void Data::fill(uint64_t seed) {
  std::mt19937_64 random(seed);
  for (size_t k = 0; k < numbers.size(); ++k) {
    // Weights are small, so that sums stay of the order of one.
    const double scale = arrays[k].kind == ArrayKind::matrix ? 1.0 / 1024 : 1.0 / 64;
    for (double& x : numbers[k]) x = (double(random() % 257) - 128) * scale;
  }
}

template <class T>
Memory<T>::Memory(const Data& data, Layout layout) : layout_(layout) {
  const int64_t steps = data.shape.num_steps, rows = data.shape.num_rows;
  for (size_t k = 0; k < data.arrays.size(); ++k) {
    const Array& a = data.arrays[k];
    Block block;
    const bool is_matrix = a.kind == ArrayKind::matrix;
    block.units = is_matrix ? a.columns : a.size;
    if (a.kind == ArrayKind::stream) block.outer = steps;
    if (a.kind == ArrayKind::stream || a.kind == ArrayKind::rows) block.inner = rows;
    if (is_matrix) block.inner = a.size;
    const int64_t width = block.units + layout.padding;
    block.step_inner = width;
    block.step_outer = width * block.inner;
    if (a.kind == ArrayKind::stream && layout.batch_first) {
      block.step_outer = width;
      block.step_inner = width * block.outer;
    }
    block.count = width * block.inner * block.outer;
    if (block.count > 0) {  // else null, as for an empty tensor
      block.numbers.reset(new T[size_t(block.count)]);
      std::fill(block.numbers.get(), block.numbers.get() + block.count, T(kFence));
    }
    const double* from = data.numbers[k].data();
    for (int64_t i = 0; i < block.outer; ++i)
      for (int64_t j = 0; j < block.inner; ++j)
        for (int64_t u = 0; u < block.units; ++u)
          block.numbers[size_t(i * block.step_outer + j * block.step_inner + u)] = T(*from++);
    block.buffer.data = block.numbers.get();
    if (a.kind == ArrayKind::stream) {
      block.buffer.stride_step = block.step_outer;
      block.buffer.stride_row = block.step_inner;
    } else if (a.kind == ArrayKind::rows) {
      block.buffer.stride_row = block.step_inner;
    } else if (is_matrix) {
      block.buffer.stride_step = block.step_inner;
    }
    blocks_.push_back(std::move(block));
  }
}

template <class T>
Call Memory<T>::call(const Shape& shape, int num_threads, int64_t weights_key) const {
  Call made{};
  made.num_steps = shape.num_steps;
  made.num_rows = shape.num_rows;
  made.lengths = shape.lengths.empty() ? nullptr : shape.lengths.data();
  made.seed = shape.seed;
  made.first_step = shape.first_step;
  made.num_threads = num_threads;
  made.weights_key = weights_key;
  made.adds = true;
  for (const Block& block : blocks_) made.buffers.push_back(block.buffer);
  return made;
}

template <class T>
std::vector<std::vector<double>> Memory<T>::read() const {
  std::vector<std::vector<double>> found;
  for (const Block& block : blocks_) {
    found.emplace_back();
    for (int64_t i = 0; i < block.outer; ++i)
      for (int64_t j = 0; j < block.inner; ++j) {
        const T* row = block.numbers.get() + i * block.step_outer + j * block.step_inner;
        for (int64_t u = 0; u < block.units; ++u) found.back().push_back(double(row[u]));
        for (int64_t u = 0; u < layout_.padding; ++u)
          CHECK(row[block.units + u] == T(kFence), "the padding of buffer ", found.size() - 1,
                " was written");
      }
  }
  return found;
}

template class Memory<float>;
template class Memory<double>;

std::vector<const char*> instruction_sets() {
  std::vector<const char*> found;
  for (const char* name : {"baseline", "avx2", "avx512"}) {
    try {
      kernels<float>(name);
    } catch (const PlanError&) {
      continue;
    }
    found.push_back(name);
  }
  return found;
}

bool same_bits(const std::vector<std::vector<double>>& a,
               const std::vector<std::vector<double>>& b) {
  if (a.size() != b.size()) return false;
  for (size_t k = 0; k < a.size(); ++k)
    if (a[k].size() != b[k].size() ||
        (!a[k].empty() && std::memcmp(a[k].data(), b[k].data(), a[k].size() * sizeof(double)) != 0))
      return false;
  return true;
}

}  // namespace ostinato::tests
