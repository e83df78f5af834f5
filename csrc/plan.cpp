#include "plan.h"

#include <cmath>
#include <sstream>

namespace ostinato {
namespace {

constexpr int64_t kVersion = 1;
constexpr int64_t kMostItems = 1 << 20;
constexpr int64_t kMostUnits = 1 << 24;               // so that no product of sizes overflows
constexpr int64_t kMostWeights = int64_t(1) << 37;    // of all products, packed
constexpr int64_t kMostPadding = 64;                  // units that packing may add
const char* const kKindNames[] = {"a constant", "a vector", "rows", "a stream",
                                  "a shift",    "local",    "a matrix"};
const char* const kSectionNames[] = {"fixed", "rows", "flat", "loop"};

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream text;
  text << "malformed plan: ";
  (text << ... << parts);
  throw PlanError(text.str());
}

class Words {
 public:
  Words(const int64_t* words, size_t size, const double* numbers, size_t num_numbers)
      : words_(words), size_(size), numbers_(numbers), num_numbers_(num_numbers) {}

  int64_t next(const char* what, int64_t low, int64_t high) {
    if (at_ == size_) fail("ends where ", what, " should be");
    const int64_t word = words_[at_++];
    if (word < low || word > high)
      fail(what, " is ", word, ", expected ", low, " to ", high, " (word ", at_ - 1, ")");
    return word;
  }
  int64_t count(const char* what) { return next(what, 0, kMostItems); }
  bool flag(const char* what) { return next(what, 0, 1) != 0; }
  double number() {
    if (at_number_ == num_numbers_) fail("ends where a number should be");
    return numbers_[at_number_++];
  }
  void end() const {
    if (at_ != size_ || at_number_ != num_numbers_)
      fail(size_ - at_, " words and ", num_numbers_ - at_number_, " numbers are left over");
  }

 private:
  const int64_t* words_;
  size_t size_;
  const double* numbers_;
  size_t num_numbers_;
  size_t at_ = 0, at_number_ = 0;
};

const char* name(ArrayKind kind) { return kKindNames[size_t(kind)]; }
const char* name(SectionKind kind) { return kSectionNames[size_t(kind)]; }

// Which arrays have a place for what a section is at: without rows, or without steps, some do not.
bool is_readable(ArrayKind kind, SectionKind section) {
  switch (kind) {
    case ArrayKind::constant:
    case ArrayKind::vector:
    case ArrayKind::local: return true;
    case ArrayKind::rows: return section != SectionKind::fixed;
    case ArrayKind::stream:
    case ArrayKind::shift: return section == SectionKind::flat || section == SectionKind::loop;
    case ArrayKind::matrix: return false;
  }
  return false;
}

// Each number is computed once, by one thread: a section writes what has its own dimensions.
bool is_writable(ArrayKind kind, SectionKind section) {
  switch (section) {
    case SectionKind::fixed: return kind == ArrayKind::vector || kind == ArrayKind::local;
    case SectionKind::rows: return kind == ArrayKind::rows || kind == ArrayKind::local;
    case SectionKind::flat:
    case SectionKind::loop: return kind == ArrayKind::stream || kind == ArrayKind::local;
  }
  return false;
}

class Parser {
 public:
  explicit Parser(Words words) : words_(words) {}

  Plan parse() {
    words_.next("the version", kVersion, kVersion);
    plan_.num_externals = words_.count("the number of buffers");
    const int64_t num_arrays = words_.count("the number of arrays");
    for (int64_t k = 0; k < num_arrays; ++k) plan_.arrays.push_back(array(num_arrays));
    for (const Array& a : plan_.arrays) check_shift(a);
    check_buffers();
    const int64_t num_randoms = words_.count("the number of masks");
    for (int64_t k = 0; k < num_randoms; ++k) {
      Random random{};
      random.stream = words_.next("a stream of masks", 0, (int64_t(1) << 32) - 1);
      random.per_step = words_.flag("per_step");
      random.probability = words_.number();
      if (!(random.probability >= 0 && random.probability <= 1))
        fail("a probability is ", random.probability, ", expected 0 to 1");
      plan_.randoms.push_back(random);
    }
    const int64_t num_sections = words_.count("the number of sections");
    for (int64_t k = 0; k < num_sections; ++k) plan_.sections.push_back(section());
    const int64_t num_reductions = words_.count("the number of reductions");
    for (int64_t k = 0; k < num_reductions; ++k) plan_.reductions.push_back(reduction());
    words_.end();
    return std::move(plan_);
  }

 private:
  int64_t array_index(const char* what) {
    return words_.next(what, 0, int64_t(plan_.arrays.size()) - 1);
  }

  const Array& at(int64_t index) const { return plan_.arrays[size_t(index)]; }

  Array array(int64_t num_arrays) {
    Array a{};
    a.kind = ArrayKind(words_.next("the kind of an array", 0, int64_t(ArrayKind::matrix)));
    a.size = words_.next("the size of an array", 0, kMostUnits);
    a.columns = words_.next("the columns of an array", 0, kMostUnits);
    a.external = words_.next("the buffer of an array", -1, plan_.num_externals - 1);
    a.of = words_.next("the array that a shift delays", -1, num_arrays - 1);
    a.initial = words_.next("the initial value of a shift", -1, num_arrays - 1);
    a.reverse = words_.flag("the direction of a shift");
    if (a.kind == ArrayKind::constant) {
      a.number = words_.number();
      if (a.size != 1) fail("a constant has size ", a.size, ", expected 1");
    }
    if (a.kind == ArrayKind::matrix && a.external < 0) fail("a matrix has no buffer");
    if (a.external >= 0 && (a.kind == ArrayKind::constant || a.kind == ArrayKind::shift ||
                            a.kind == ArrayKind::local))
      fail("buffer ", a.external, " is ", name(a.kind),
           ", expected a vector, rows, a stream or a matrix");
    return a;
  }

  void check_buffers() const {
    std::vector<const Array*> known(size_t(plan_.num_externals), nullptr);
    for (const Array& a : plan_.arrays) {
      if (a.external < 0) continue;
      const Array*& first = known[size_t(a.external)];
      if (!first) first = &a;
      if (first->kind != a.kind || first->size != a.size || first->columns != a.columns)
        fail("buffer ", a.external, " is two different arrays: ", name(first->kind), " of ",
             first->size, " x ", first->columns, " and ", name(a.kind), " of ", a.size, " x ",
             a.columns);
    }
  }

  void check_shift(const Array& a) {
    if (a.kind != ArrayKind::shift) return;
    if (a.of < 0 || a.initial < 0)
      fail("a shift delays array ", a.of, " and starts from array ", a.initial,
           ", expected one of each");
    const Array &of = at(a.of), &initial = at(a.initial);
    if (of.kind != ArrayKind::stream && of.kind != ArrayKind::local)
      fail("a shift delays ", name(of.kind), ", expected a stream or local");
    if (initial.kind != ArrayKind::rows && initial.kind != ArrayKind::vector)
      fail("a shift starts from ", name(initial.kind), ", expected rows or a vector");
    if (of.size != a.size || initial.size != a.size)
      fail("a shift of size ", a.size, " delays ", of.size, " and starts from ", initial.size);
  }

  void check_readable(const char* what, const Array& a) const {
    if (!is_readable(a.kind, section_))
      fail(what, " is ", name(a.kind), ", which has no value for a section ", name(section_));
    if (section_ != SectionKind::loop && delays_local(a))
      fail(what, " is a shift of a local array, which has no step before it outside a loop");
  }

  void check_writable(const char* what, const Array& a) const {
    if (!is_writable(a.kind, section_))
      fail(what, " is ", name(a.kind), ", which a section ", name(section_), " does not write");
  }

  bool delays_local(const Array& a) const {
    return a.kind == ArrayKind::shift && at(a.of).kind == ArrayKind::local;
  }

  Operand operand(const char* what, const TileProgram& program, bool is_target) {
    Operand found{};
    found.index = words_.next(what, -int64_t(plan_.arrays.size()), program.num_slots - 1);
    found.splat = words_.flag("splat");
    if (found.is_slot()) {
      if (found.splat) fail(what, " is a slot and one number a row, expected an array for that");
      return found;
    }
    const Array& a = at(found.array());
    if (is_target) {
      if (found.splat) fail(what, " is one number a row, expected a number for each unit");
      check_writable(what, a);
    } else {
      check_readable(what, a);
    }
    const int64_t expected = found.splat ? 1 : program.size;
    if (a.size != expected) fail(what, " has size ", a.size, ", expected ", expected);
    return found;
  }

  ProductGroup group(const TileProgram& program) {
    ProductGroup g;
    const int64_t num_operands = words_.next("the number of operands", 1, kMostItems);
    for (int64_t k = 0; k < num_operands; ++k) {
      g.operands.push_back(array_index("an operand"));
      const Array& a = at(g.operands.back());
      check_readable("the operand of a product", a);
      g.widths.push_back(a.size);
    }
    const int64_t num_products = words_.next("the number of products", 1, kMostItems);
    for (int64_t p = 0; p < num_products; ++p) {
      g.slots.push_back(words_.next("the slot of a product", 0, program.num_slots - 1));
      g.starts.push_back(words_.next("the start of a product", -1, int64_t(plan_.arrays.size()) - 1));
      if (g.starts.back() >= 0) {
        const Array& start = at(g.starts.back());
        check_readable("the start of a product", start);
        if (start.size != program.size)
          fail("the start of a product has size ", start.size, ", expected ", program.size);
      }
      std::vector<Block> blocks;
      for (int64_t k = 0; k < num_operands; ++k) {
        Block block{};
        block.matrix = array_index("a matrix");
        block.first_column = words_.next("a column", 0, kMostUnits);
        block.transposed = words_.flag("transposed");
        const Array& m = at(block.matrix);
        if (m.kind != ArrayKind::matrix)
          fail("the factor of a product is ", name(m.kind), ", expected a matrix");
        const int64_t across = block.transposed ? program.size : g.widths[size_t(k)];
        const int64_t down = block.transposed ? g.widths[size_t(k)] : program.size;
        if (m.size != down || block.first_column + across > m.columns)
          fail("a block of ", down, " x ", across, " from column ", block.first_column,
               " of a matrix of ", m.size, " x ", m.columns);
        blocks.push_back(block);
        num_weights_ += g.widths[size_t(k)] * (program.size + kMostPadding);
        if (num_weights_ > kMostWeights)
          fail("its products have ", num_weights_, " weights, expected at most ", kMostWeights);
      }
      g.blocks.push_back(blocks);
      if ((g.starts.back() >= 0) != (g.starts[0] >= 0))
        fail("some products of a group start from an array, some from 0");
    }
    return g;
  }

  TileProgram program() {
    TileProgram p;
    p.size = words_.next("the size of a program", 0, kMostUnits);
    p.num_slots = words_.next("the number of slots", 0, 1 << 12);
    const int64_t num_groups = words_.count("the number of product groups");
    for (int64_t k = 0; k < num_groups; ++k) p.groups.push_back(group(p));
    const int64_t num_instructions = words_.count("the number of instructions");
    for (int64_t k = 0; k < num_instructions; ++k) {
      Instruction i{};
      i.op = Op(words_.next("an operation", 0, int64_t(Op::num_ops) - 1));
      i.target = operand("the target of an instruction", p, true);
      i.num_args = words_.next("the number of arguments", 0, 3);
      if (i.num_args != arity(i.op))
        fail("an operation has ", i.num_args, " arguments, expected ", arity(i.op));
      for (int64_t a = 0; a < i.num_args; ++a)
        i.args[a] = operand("an argument of an instruction", p, false);
      i.random = words_.next("a mask", -1, int64_t(plan_.randoms.size()) - 1);
      if ((i.op == Op::random) != (i.random >= 0)) fail("a mask goes with the operation random");
      const bool only_copies = i.op == Op::copy || i.op == Op::store;
      if (i.num_args == 1 && i.args[0].splat && !only_copies)
        fail("an operation is on one number a row, expected a copy of it");
      p.instructions.push_back(i);
    }
    int64_t num_values = 1 + num_instructions;
    for (const ProductGroup& g : p.groups) num_values += int64_t(g.slots.size());
    if (p.num_slots > num_values)
      fail("a program has ", p.num_slots, " slots, expected at most ", num_values,
           ", one for each of its values");
    return p;
  }

  static int64_t arity(Op op) {
    switch (op) {
      case Op::random: return 0;
      case Op::select:
      case Op::fma:
      case Op::fnma: return 3;
      case Op::add:
      case Op::sub:
      case Op::mul:
      case Op::div:
      case Op::pow:
      case Op::minimum:
      case Op::maximum:
      case Op::exceeds: return 2;
      default: return 1;
    }
  }

  Norm norm() {
    Norm n{};
    n.op = NormOp(words_.next("a norm", 0, int64_t(NormOp::num_ops) - 1));
    n.target = array_index("the target of a norm");
    const bool is_grad = n.op == NormOp::layer_norm_grad || n.op == NormOp::rms_norm_grad;
    const int64_t num_args = words_.next("the arguments of a norm", is_grad ? 2 : 1, is_grad ? 2 : 1);
    const Array& target = at(n.target);
    check_writable("the target of a norm", target);
    for (int64_t k = 0; k < num_args; ++k) {
      n.args.push_back(array_index("the argument of a norm"));
      const Array& a = at(n.args.back());
      check_readable("the argument of a norm", a);
      if (a.size != at(n.args[0]).size)
        fail("the arguments of a norm have sizes ", at(n.args[0]).size, " and ", a.size);
    }
    const int64_t expected = n.op == NormOp::total ? 1 : at(n.args[0]).size;
    if (target.size != expected)
      fail("the target of a norm has size ", target.size, ", expected ", expected);
    return n;
  }

  Section section() {
    Section s;
    s.kind = SectionKind(words_.next("the kind of a section", 0, int64_t(SectionKind::loop)));
    s.reverse = words_.flag("the direction of a section");
    section_ = s.kind;
    const int64_t num_states = words_.count("the number of states");
    if (num_states && s.kind != SectionKind::loop)
      fail("a section ", name(s.kind), " has ", num_states, " states, expected none");
    for (int64_t k = 0; k < num_states; ++k) {
      LoopState state{};
      state.shift = array_index("a state");
      state.final = words_.next("the last value of a state", -1, int64_t(plan_.arrays.size()) - 1);
      if (at(state.shift).kind != ArrayKind::shift) fail("a state is ", name(at(state.shift).kind), ", expected a shift");
      if (at(state.shift).reverse != s.reverse) fail("a state runs against its loop");
      if (state.final >= 0) {
        const Array& f = at(state.final);
        if (f.kind != ArrayKind::rows || f.size != at(state.shift).size)
          fail("the last value of a state is ", name(f.kind), " of size ", f.size,
               ", expected rows of size ", at(state.shift).size);
      }
      s.states.push_back(state);
    }
    const int64_t num_phases = words_.count("the number of phases");
    for (int64_t k = 0; k < num_phases; ++k) {
      Phase phase;
      phase.waits = words_.flag("waits");
      const int64_t num_norms = words_.count("the number of norms");
      for (int64_t n = 0; n < num_norms; ++n) phase.norms.push_back(norm());
      const int64_t num_programs = words_.count("the number of programs");
      for (int64_t n = 0; n < num_programs; ++n) phase.programs.push_back(program());
      s.phases.push_back(std::move(phase));
    }
    return s;
  }

  void check_summed(const char* what, const Array& a) const {
    if ((a.kind != ArrayKind::stream && a.kind != ArrayKind::shift) || delays_local(a))
      fail(what, " is ", name(a.kind), ", expected a stream or a shift of one");
  }

  Reduction reduction() {
    Reduction r{};
    r.target = array_index("the target of a reduction");
    r.delta = array_index("the delta of a reduction");
    r.operand = words_.next("the operand of a reduction", -1, int64_t(plan_.arrays.size()) - 1);
    r.first_column = words_.next("a column", 0, kMostUnits);
    const Array &target = at(r.target), &delta = at(r.delta);
    check_summed("the delta of a reduction", delta);
    if (r.operand < 0) {
      if (target.kind != ArrayKind::vector || (target.size != delta.size && target.size != 1))
        fail("a sum of size ", delta.size, " has a target of ", target.size);
      return r;
    }
    const Array& operand = at(r.operand);
    check_summed("the operand of a reduction", operand);
    if (target.kind != ArrayKind::matrix || target.size != delta.size ||
        r.first_column + operand.size > target.columns)
      fail("an outer product of ", delta.size, " x ", operand.size, " has a target of ",
           target.size, " x ", target.columns);
    return r;
  }

  Words words_;
  Plan plan_;
  SectionKind section_ = SectionKind::fixed;  // that is being read
  int64_t num_weights_ = 0;
};

}  // namespace

Plan parse_plan(const int64_t* words, size_t num_words, const double* numbers, size_t num_numbers) {
  return Parser(Words(words, num_words, numbers, num_numbers)).parse();
}

}  // namespace ostinato
