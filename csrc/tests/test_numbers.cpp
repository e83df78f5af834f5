// Every case against its loops: sizes, steps, rows, lengths, layouts, threads, instruction sets.
#include <algorithm>
#include <limits>

#include "support.h"

namespace ostinato::tests {
namespace {

// Of max(1, |expected|). Sums of some hundred numbers of the order of one; the operation with the
// steepest slope is the scale of a norm, up to 1 / sqrt(1e-5) = 316.
template <class T>
constexpr double kTolerance = sizeof(T) == 4 ? 1e-4 : 1e-12;

using Numbers = std::vector<std::vector<double>>;

void check_close(const Numbers& got, const Numbers& expected, double tolerance, const std::string& what) {
  for (size_t k = 0; k < expected.size(); ++k)
    for (size_t i = 0; i < expected[k].size(); ++i) {
      const double error = std::fabs(got[k][i] - expected[k][i]) / std::max(1.0, std::fabs(expected[k][i]));
      CHECK(error <= tolerance, what, ": number ", i, " of buffer ", k, " is ", got[k][i], ", expected ",
            expected[k][i]);
    }
}

template <class T>
void check_case(const Case& c, const Shape& shape, const std::vector<int>& threads, Layout layout) {
  Data data(c.plan, shape);
  data.fill(uint64_t(shape.num_steps * 100 + shape.num_rows));
  Data expected = data;
  c.naive(expected);
  const Words words = encode(c.plan);
  for (const char* set : instruction_sets()) {
    Executor<T> executor(parse(words), set);
    Numbers first;
    for (int num_threads : threads) {
      Numbers of_these_threads;
      for (int repeat = 0; repeat < 2; ++repeat) {
        const Memory<T> memory(data, layout);
        executor.run(memory.call(shape, num_threads));
        const Numbers got = memory.read();
        const std::string what =
            text_of(c.name, " ", 8 * sizeof(T), " bits, ", set, ", ", num_threads, " threads, ", shape.text());
        if (repeat == 0) {
          check_close(got, expected.numbers, kTolerance<T>, what);
          of_these_threads = got;
          if (first.empty()) first = got;
          if (!c.has_products) CHECK(same_bits(got, first), what, ": differs from ", threads[0], " threads");
        } else {
          CHECK(same_bits(got, of_these_threads), what, ": differs from the run before");
        }
      }
    }
  }
}

// Each with whole rows, and with lengths.
std::vector<Shape> shapes(const std::vector<int64_t>& steps, const std::vector<int64_t>& rows) {
  std::vector<Shape> found;
  for (int64_t num_steps : steps)
    for (int64_t num_rows : rows) {
      Shape shape;
      shape.num_steps = num_steps;
      shape.num_rows = num_rows;
      shape.seed = 0x123456789ABCDEF0u;
      shape.first_step = 11;
      found.push_back(shape);
      for (int64_t b = 0; b < num_rows; ++b) shape.lengths.push_back((b * 7 + 3) % (num_steps + 1));
      if (num_rows) found.push_back(shape);
    }
  return found;
}

void check_sizes(const std::vector<int64_t>& sizes, const std::vector<Shape>& at, const std::vector<int>& threads) {
  for (int64_t units : sizes)
    for (bool reverse : {false, true})
      for (const Case& c : all_cases(units, units % 7 + 1, reverse))
        for (const Shape& shape : at) {
          check_case<float>(c, shape, threads, Layout{});
          check_case<double>(c, shape, threads, Layout{reverse ? 3 : 0, true});
        }
}

// NaN and infinity are numbers like others: they stay in their row, and in their step and after.
void test_not_a_number() {
  for (const Case& c : all_cases(17, 3, false)) {
    if (c.name != "elman" && c.name != "gated") continue;
    Shape shape;
    shape.num_steps = 4;
    shape.num_rows = 5;
    Data data(c.plan, shape);
    data.fill(1);
    const Ref x{0, 0};
    Data changed = data;
    changed.stream(x, 2, 3)[0] = std::numeric_limits<double>::quiet_NaN();
    changed.stream(x, 1, 1)[1] = std::numeric_limits<double>::infinity();
    for (const char* set : instruction_sets()) {
      Executor<double> executor(parse(encode(c.plan)), set);
      const Memory<double> memory(data, Layout{}), other(changed, Layout{});
      executor.run(memory.call(shape, 1));
      executor.run(other.call(shape, 1));
      data.numbers = memory.read();
      changed.numbers = other.read();
      for (size_t k = 0; k < data.arrays.size(); ++k) {
        if (data.arrays[k].kind != ArrayKind::stream || k == 0) continue;
        const Ref y{0, int64_t(k)};
        for (int64_t t = 0; t < shape.num_steps; ++t)
          for (int64_t b = 0; b < shape.num_rows; ++b)
            for (int64_t u = 0; u < data.size(y); ++u) {
              const double number = changed.stream(y, t, b)[u];
              const std::string where = text_of(c.name, " ", set, " t = ", t, ", b = ", b);
              if (b == 3 && t >= 2)
                CHECK(std::isnan(number), where, " is ", number);
              else if (b != 1 || t < 1)
                CHECK(number == data.stream(y, t, b)[u], where, " has changed");
            }
      }
    }
  }
}

}  // namespace

void test_numbers(bool is_quick) {
  // The last is large enough for the threads to share the units of a step.
  if (is_quick) {
    check_sizes({3, 17}, shapes({0, 1, 5}, {0, 1, 7}), {1, 3});
    check_sizes({130}, shapes({5}, {33}), {3});
  } else {
    check_sizes({1, 3, 15, 17, 33}, shapes({0, 1, 5}, {0, 1, 2, 7, 33}), {1, 3});
    check_sizes({203}, shapes({5}, {2, 7, 33}), {1, 2, 3, 5});
  }
  test_not_a_number();
}

}  // namespace ostinato::tests
