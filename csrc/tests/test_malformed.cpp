// Plans with wrong words: what is read without an error must also run without one. What the numbers
// are does not matter here; the sanitizers watch where they are read and written.
#include <limits>
#include <new>

#include "support.h"

namespace ostinato::tests {
namespace {

constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();

struct Count {
  int64_t refused = 0, ran = 0, too_large = 0;
};

// Numbers that a call of a plan touches, roughly: some plans are well-formed, and only enormous.
double cost(const Plan& plan, const Shape& shape) {
  const double rows = double(shape.num_rows), times = double(shape.num_steps) * rows;
  double sum = 0;
  for (const Array& a : plan.arrays)
    sum += double(a.size) * (a.kind == ArrayKind::matrix ? double(a.columns)
                             : a.kind == ArrayKind::stream ? times + 1
                                                           : rows + 1);
  for (const Section& section : plan.sections)
    for (const Phase& phase : section.phases)
      for (const TileProgram& program : phase.programs) {
        double one = double(program.size) * double(program.instructions.size());
        for (const ProductGroup& group : program.groups)
          for (int64_t width : group.widths) one += double(width) * double(program.size) * double(group.slots.size());
        sum += one * (times + 1);
      }
  for (const Reduction& r : plan.reductions) sum += 300 * double(plan.arrays[size_t(r.delta)].size);
  return sum;
}

void run(const Plan& plan, Count& count) {
  static const std::vector<const char*> sets = instruction_sets();
  // In turn, so that every set sees every kind of plan.
  Executor<float> executor(plan, sets[size_t(count.ran) % sets.size()]);
  for (int64_t num_steps : {0, 3})
    for (int64_t num_rows : {0, 5}) {
      Shape shape;
      shape.num_steps = num_steps;
      shape.num_rows = num_rows;
      if (num_rows && count.ran % 2) shape.lengths = {num_steps, 0, num_steps / 2, num_steps, 1 % (num_steps + 1)};
      if (cost(plan, shape) > 3e6) {
        ++count.too_large;
        continue;
      }
      const Memory<float> memory(Data(plan, shape), Layout{});
      executor.run(memory.call(shape, count.ran % 3 ? 1 : 3));
    }
  ++count.ran;
}

void expect_refusal_or_run(const Words& words, Count& count) {
  Plan plan;
  try {
    plan = parse(words);
  } catch (const PlanError& error) {
    CHECK(std::string(error.what()).rfind("malformed plan: ", 0) == 0, error.what());
    ++count.refused;
    return;
  }
  run(plan, count);
}

void each_word(const Words& valid, int stride, Count& count) {
  for (size_t k = 0; k < valid.words.size(); k += size_t(stride)) {
    const int64_t word = valid.words[k];
    for (int64_t wrong : {int64_t(-1), int64_t(0), int64_t(1), word - 1, word + 1, -word, int64_t(1) << 20,
                          int64_t(1) << 24, int64_t(1) << 31, kHuge, -kHuge - 1}) {
      Words changed = valid;
      changed.words[k] = wrong;
      if (wrong != word) expect_refusal_or_run(changed, count);
    }
  }
  for (size_t k = 0; k < valid.numbers.size(); ++k)
    for (double wrong : {-1.0, 2.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
      Words changed = valid;
      changed.numbers[k] = wrong;
      expect_refusal_or_run(changed, count);
    }
}

void each_truncation(const Words& valid) {
  Count count;
  int64_t expected = 0;
  for (size_t k = 0; k < valid.words.size(); ++k, ++expected) {
    Words changed = valid;
    changed.words.resize(k);
    expect_refusal_or_run(changed, count);
  }
  for (size_t k = 0; k < valid.numbers.size(); ++k, ++expected) {
    Words changed = valid;
    changed.numbers.resize(k);
    expect_refusal_or_run(changed, count);
  }
  Words longer = valid;
  longer.words.push_back(0);
  expect_refusal_or_run(longer, count);
  longer = valid;
  longer.numbers.push_back(0);
  expect_refusal_or_run(longer, count);
  CHECK(count.refused == expected + 2, count.refused, " of ", expected + 2, " plans of another length were refused");
}

// Words exchanged, copied, and moved by a little: most such plans are nearly right.
void at_random(const Words& valid, int num_plans, uint64_t seed, Count& count) {
  std::mt19937_64 random(seed);
  for (int k = 0; k < num_plans; ++k) {
    Words changed = valid;
    std::vector<int64_t>& words = changed.words;
    const size_t num_changes = 1 + random() % 3;
    for (size_t c = 0; c < num_changes; ++c) {
      const size_t at = random() % words.size(), other = random() % words.size();
      switch (random() % 4) {
        case 0: words[at] += int64_t(random() % 7) - 3; break;
        case 1: words[at] = words[other]; break;
        case 2: std::swap(words[at], words[other]); break;
        default: words[at] = int64_t(random() % 24) - 4; break;
      }
    }
    expect_refusal_or_run(changed, count);
  }
}

// Plans that were once read, and then left the arrays: each with a part of its message.
void test_refusals() {
  struct Wrong {
    const char* message;
    std::function<void(Builder&)> build;
  };
  const std::vector<Wrong> all = {
      {"is a stream, which has no value for a section fixed",
       [](Builder& p) {
         const Ref x = p.stream(3), y = p.vector(3);
         program(phase(p.section(SectionKind::fixed), false), 3, 0, {instruction(Op::neg, whole(y), {whole(x)})});
       }},
      {"is rows, which has no value for a section fixed",
       [](Builder& p) {
         const Ref x = p.rows(3), y = p.vector(3);
         norm(phase(p.section(SectionKind::fixed), false), NormOp::rms_norm, y, {x});
       }},
      {"is a shift, which has no value for a section rows",
       [](Builder& p) {
         const Ref x = p.stream(3), y = p.rows(3), last = p.shift(x, y, true);
         program(phase(p.section(SectionKind::rows), false), 3, 0, {instruction(Op::neg, whole(y), {whole(last)})});
       }},
      {"is a stream, which has no value for a section rows",
       [](Builder& p) {
         const Ref x = p.stream(3), m = p.matrix(3, 3), y = p.rows(3);
         group(program(phase(p.section(SectionKind::rows), false), 3, 1, {instruction(Op::store, whole(y), {slot(0)})}),
               {x}, {{0, {{m.array, 0, false}}}});
       }},
      {"is a vector, which a section loop does not write",
       [](Builder& p) {
         const Ref x = p.stream(3), y = p.vector(3);
         program(phase(p.section(SectionKind::loop), false), 3, 0, {instruction(Op::neg, whole(y), {whole(x)})});
       }},
      {"is a constant, which a section flat does not write",
       [](Builder& p) {
         const Ref x = p.stream(1), y = p.constant(1);
         program(phase(p.section(SectionKind::flat), false), 1, 0, {instruction(Op::neg, whole(y), {whole(x)})});
       }},
      {"is a shift of a local array",
       [](Builder& p) {
         const Ref x = p.local(3), y = p.rows(3), z = p.stream(3), last = p.shift(x, y, false);
         program(phase(p.section(SectionKind::flat), false), 3, 0, {instruction(Op::neg, whole(z), {whole(last)})});
       }},
      {"the delta of a reduction is a shift, expected a stream or a shift of one",
       [](Builder& p) {
         const Ref x = p.local(3), y = p.rows(3), last = p.shift(x, y, false), g = p.vector(3);
         p.reduce(g, last, Ref{});
       }},
      {"a shift delays a shift, expected a stream or local",
       [](Builder& p) {
         const Ref x = p.stream(3), y = p.rows(3), last = p.shift(x, y, false);
         p.shift(last, y, false);
       }},
      {"buffer 0 is local, expected a vector, rows, a stream or a matrix",
       [](Builder& p) { p.add(ArrayKind::local, 3, true); }},
      {"buffer 0 is two different arrays: rows of 3 x 0 and a stream of 3 x 0",
       [](Builder& p) {
         p.rows(3);
         p.stream(3);
         p.plan.arrays[1].external = 0;
         p.plan.num_externals = 1;
       }},
      {"the size of an array is 1099511627776, expected 0 to 16777216",
       [](Builder& p) { p.stream(int64_t(1) << 40); }},
      {"a program has 4096 slots, expected at most 2",
       [](Builder& p) {
         const Ref x = p.stream(3);
         program(phase(p.section(SectionKind::flat), false), 3, 4096, {instruction(Op::neg, whole(x), {whole(x)})});
       }},
      {"weights, expected at most",
       [](Builder& p) {
         const Ref x = p.stream(1 << 20), m = p.matrix(1 << 20, 1 << 20), y = p.stream(1 << 20);
         group(program(phase(p.section(SectionKind::flat), false), 1 << 20, 1,
                       {instruction(Op::store, whole(y), {slot(0)})}),
               {x}, {{0, {{m.array, 0, false}}}});
       }},
      {"a block of 3 x 2 from column 2 of a matrix of 3 x 3",
       [](Builder& p) {
         const Ref x = p.stream(2), m = p.matrix(3, 3), y = p.stream(3);
         group(program(phase(p.section(SectionKind::flat), false), 3, 1, {instruction(Op::store, whole(y), {slot(0)})}),
               {x}, {{0, {{m.array, 2, false}}}});
       }},
      {"a section flat has 1 states, expected none",
       [](Builder& p) {
         const Ref x = p.stream(3), y = p.rows(3), last = p.shift(x, y, false);
         p.section(SectionKind::flat).states.push_back({last.array, -1});
       }},
  };
  for (const Wrong& wrong : all) {
    Builder builder;
    wrong.build(builder);
    std::string message = "none";
    try {
      parse(encode(builder.plan));
    } catch (const PlanError& error) {
      message = error.what();
    }
    CHECK(message.find(wrong.message) != std::string::npos, "got '", message, "', expected '", wrong.message, "'");
  }
}

// A plan may be fine, and a call of it too large.
void test_a_call_too_large() {
  Builder p;
  p.stream(1 << 24, false);
  Executor<float> executor(parse(encode(p.plan)), "");
  Call call{};
  call.num_steps = call.num_rows = 1 << 12;
  call.num_threads = 1;
  std::string message = "none";
  try {
    executor.run(call);
  } catch (const PlanError& error) {
    message = error.what();
  }
  CHECK(message.find("bytes, expected at most 1099511627776") != std::string::npos, "got '", message, "'");
}

}  // namespace

void test_malformed(bool is_quick) {
  test_refusals();
  test_a_call_too_large();
  Count count;
  for (bool reverse : {false, true})
    for (const Case& c : all_cases(5, 3, reverse)) {
      const Words valid = encode(c.plan);
      const int64_t ran = count.ran;
      expect_refusal_or_run(valid, count);
      CHECK(count.ran == ran + 1, c.name, " is refused");
      const bool is_long = valid.words.size() > 1000;
      each_truncation(valid);
      each_word(valid, is_quick || is_long ? 5 : 1, count);
      at_random(valid, is_quick ? 200 : 3000, reverse ? 1 : 2, count);
    }
  std::printf("malformed plans: %ld refused, %ld ran, %ld too large to run\n", long(count.refused), long(count.ran),
              long(count.too_large));
  // Both happen often, or the mutations have missed their mark.
  CHECK(count.ran > 500 && count.refused > 2 * count.ran, count.ran, " ran, ", count.refused, " were refused");
  CHECK(count.too_large * 20 < count.ran, count.too_large, " were too large to run");
}

}  // namespace ostinato::tests
