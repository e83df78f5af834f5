// Plans written by hand, each beside the loops that say what it means.
#include <algorithm>

#include "support.h"

namespace ostinato::tests {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// y[u] += sum over k of m[u, column + k] * x[k]
void multiply(Data& d, Ref m, int64_t column, const double* x, int64_t depth, std::vector<double>& y) {
  for (size_t u = 0; u < y.size(); ++u)
    for (int64_t k = 0; k < depth; ++k) y[u] += d.matrix(m, int64_t(u))[column + k] * x[k];
}

// Calls f(b, t, before) for each row and its steps in the order of a loop; `before` is -1 at first.
template <class F>
void each_step(const Shape& shape, bool reverse, F f) {
  for (int64_t b = 0; b < shape.num_rows; ++b) {
    const int64_t n = shape.length(b);
    for (int64_t k = 0; k < n; ++k) {
      const int64_t t = reverse ? n - 1 - k : k;
      f(b, t, k == 0 ? -1 : reverse ? t + 1 : t - 1);
    }
  }
}

// The last step of a row in the order of a loop; -1 where it has none.
int64_t last_step(const Shape& shape, bool reverse, int64_t b) {
  const int64_t n = shape.length(b);
  return n == 0 ? -1 : reverse ? 0 : n - 1;
}

void copy(const double* from, int64_t size, double* to) { std::copy(from, from + size, to); }

// h = tanh(W [last h, x] + b), the product with x before the loop, where that in the loop starts;
// and sums of outer products.
Case elman(int64_t units, int64_t inputs, bool reverse) {
  Builder p;
  const Ref x = p.stream(inputs), weight = p.matrix(units, units + inputs), bias = p.vector(units);
  const Ref initial = p.rows(units), h = p.stream(units), final = p.rows(units);
  const Ref grad_weight = p.matrix(units, units + inputs), grad_bias = p.vector(units);
  const Ref grad_scalar = p.vector(1);
  const Ref before = p.stream(units, false), last = p.shift(h, initial, reverse);
  {
    Phase& all = phase(p.section(SectionKind::flat), false);
    TileProgram& tile = program(all, units, 1, {instruction(Op::add, whole(before), {slot(0), whole(bias)})});
    group(tile, {x}, {{0, {{weight.array, units, false}}}});
  }
  {
    Section& loop = p.section(SectionKind::loop, reverse);
    loop.states.push_back({last.array, final.array});
    TileProgram& tile = program(phase(loop, true), units, 1,
                                {instruction(Op::tanh, whole(h), {slot(0)})});
    group(tile, {last}, {{0, {{weight.array, 0, false}}, before}});
  }
  p.reduce(grad_weight, h, last, 0);
  p.reduce(grad_weight, h, x, units);
  p.reduce(grad_bias, h, Ref{});
  p.reduce(grad_scalar, h, Ref{});
  const auto naive = [=](Data& d) {
    each_step(d.shape, reverse, [&](int64_t b, int64_t t, int64_t before_t) {
      const double* from = before_t < 0 ? d.rows(initial, b) : d.stream(h, before_t, b);
      std::vector<double> sum(d.vector(bias), d.vector(bias) + units);
      multiply(d, weight, 0, from, units, sum);
      multiply(d, weight, units, d.stream(x, t, b), inputs, sum);
      double* y = d.stream(h, t, b);
      for (int64_t u = 0; u < units; ++u) {
        y[u] = std::tanh(sum[size_t(u)]);
        for (int64_t k = 0; k < units; ++k) d.matrix(grad_weight, u)[k] += y[u] * from[k];
        for (int64_t k = 0; k < inputs; ++k)
          d.matrix(grad_weight, u)[units + k] += y[u] * d.stream(x, t, b)[k];
        d.vector(grad_bias)[u] += y[u];
        d.vector(grad_scalar)[0] += y[u];
      }
    });
    for (int64_t b = 0; b < d.shape.num_rows; ++b) {
      const int64_t t = last_step(d.shape, reverse, b);
      copy(t < 0 ? d.rows(initial, b) : d.stream(h, t, b), units, d.rows(final, b));
    }
  };
  return {"elman", p.plan, naive, true};
}

// r, z = sigmoid(W [last h, x]); n = tanh(V [r * last h, x]); h = n + z * (last h - n);
// out = V[:, :units]^T h of this step. The state is a local array; three phases.
Case gated(int64_t units, int64_t inputs, bool reverse) {
  Builder p;
  const Ref x = p.stream(inputs), weight = p.matrix(units, 2 * (units + inputs));
  const Ref other = p.matrix(units, units + inputs), back = p.matrix(units, inputs);
  const Ref initial = p.vector(units), final = p.rows(units);
  const Ref y = p.stream(units), out = p.stream(inputs);
  const Ref h = p.local(units), reset = p.local(units), gate = p.local(units);
  const Ref last = p.shift(h, initial, reverse);
  const int64_t width = units + inputs;
  Section& loop = p.section(SectionKind::loop, reverse);
  loop.states.push_back({last.array, final.array});
  {
    TileProgram& tile = program(phase(loop, true), units, 2,
                                {instruction(Op::sigmoid, slot(0), {slot(0)}),
                                 instruction(Op::sigmoid, whole(gate), {slot(1)}),
                                 instruction(Op::mul, whole(reset), {slot(0), whole(last)})});
    group(tile, {last, x},
          {{0, {{weight.array, 0, false}, {weight.array, units, false}}},
           {1, {{weight.array, width, false}, {weight.array, width + units, false}}}});
  }
  {
    TileProgram& tile = program(phase(loop, true), units, 2,
                                {instruction(Op::tanh, slot(0), {slot(0)}),
                                 instruction(Op::sub, slot(1), {whole(last), slot(0)}),
                                 instruction(Op::fma, whole(h), {whole(gate), slot(1), slot(0)}),
                                 instruction(Op::store, whole(y), {whole(h)})});
    group(tile, {reset, x}, {{0, {{other.array, 0, false}, {other.array, units, false}}}});
  }
  {
    TileProgram& tile = program(phase(loop, true), inputs, 1,
                                {instruction(Op::store, whole(out), {slot(0)})});
    group(tile, {h}, {{0, {{back.array, 0, true}}}});
  }
  const auto naive = [=](Data& d) {
    each_step(d.shape, reverse, [&](int64_t b, int64_t t, int64_t before_t) {
      const double* from = before_t < 0 ? d.vector(initial) : d.stream(y, before_t, b);
      std::vector<double> r(size_t(units), 0.0), z(r), n(r), product(r);
      multiply(d, weight, 0, from, units, r);
      multiply(d, weight, units, d.stream(x, t, b), inputs, r);
      multiply(d, weight, width, from, units, z);
      multiply(d, weight, width + units, d.stream(x, t, b), inputs, z);
      for (int64_t u = 0; u < units; ++u) product[size_t(u)] = sigmoid(r[size_t(u)]) * from[u];
      multiply(d, other, 0, product.data(), units, n);
      multiply(d, other, units, d.stream(x, t, b), inputs, n);
      for (int64_t u = 0; u < units; ++u) {
        const double candidate = std::tanh(n[size_t(u)]);
        d.stream(y, t, b)[u] = candidate + sigmoid(z[size_t(u)]) * (from[u] - candidate);
      }
      for (int64_t k = 0; k < inputs; ++k) {
        double sum = 0;
        for (int64_t u = 0; u < units; ++u) sum += d.matrix(back, u)[k] * d.stream(y, t, b)[u];
        d.stream(out, t, b)[k] = sum;
      }
    });
    for (int64_t b = 0; b < d.shape.num_rows; ++b) {
      const int64_t t = last_step(d.shape, reverse, b);
      copy(t < 0 ? d.vector(initial) : d.stream(y, t, b), units, d.rows(final, b));
    }
  };
  return {"gated", p.plan, naive, true};
}

// Philox4x32-10 (Salmon et al. 2011), word by word as the paper has it.
uint32_t philox(uint64_t seed, uint64_t unit, int64_t row, int64_t step, int64_t stream) {
  uint64_t c[4] = {unit / 4, uint64_t(row), uint64_t(step), uint64_t(stream)};
  uint64_t key0 = seed & 0xFFFFFFFF, key1 = seed >> 32;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = 0xD2511F53u * c[0], p1 = 0xCD9E8D57u * c[2];
    const uint64_t next[4] = {(p1 >> 32) ^ c[1] ^ key0, p1 & 0xFFFFFFFF,
                              (p0 >> 32) ^ c[3] ^ key1, p0 & 0xFFFFFFFF};
    std::copy(next, next + 4, c);
    key0 = (key0 + 0x9E3779B9u) & 0xFFFFFFFF;
    key1 = (key1 + 0xBB67AE85u) & 0xFFFFFFFF;
  }
  return uint32_t(c[unit % 4]);
}

// a = a' * decay(of the row), one number a row; h = a * h' * kept + m * x * 0.75 with a mask `m` of
// each step and a mask `kept` of the whole sequence.
Case elementwise(int64_t units, bool reverse) {
  Builder p;
  const Ref x = p.stream(units), decay = p.rows(1), h = p.stream(units), a = p.stream(1);
  const Ref initial_h = p.rows(units), initial_a = p.vector(1), final_h = p.rows(units), final_a = p.rows(1);
  const Ref kept = p.rows(units, false), number = p.constant(0.75), own_a = p.local(1);
  const Ref last_h = p.shift(h, initial_h, reverse), last_a = p.shift(own_a, initial_a, reverse);
  const int64_t sequence = p.random(7, 0.5, false), step = p.random(4000000000, 0.25, true);
  program(phase(p.section(SectionKind::rows), false), units, 0,
          {instruction(Op::random, whole(kept), {}, sequence)});
  {
    Section& loop = p.section(SectionKind::loop, reverse);
    loop.states.push_back({last_h.array, final_h.array});
    loop.states.push_back({last_a.array, final_a.array});
    Phase& only = phase(loop, false);
    program(only, 1, 0, {instruction(Op::mul, whole(own_a), {whole(last_a), whole(decay)}),
                         instruction(Op::store, whole(a), {whole(own_a)})});
    program(only, units, 2,
            {instruction(Op::random, slot(0), {}, step),
             instruction(Op::mul, slot(0), {slot(0), whole(x)}),
             instruction(Op::mul, slot(1), {splat(own_a), whole(last_h)}),
             instruction(Op::mul, slot(1), {slot(1), whole(kept)}),
             instruction(Op::fma, whole(h), {slot(0), splat(number), slot(1)})});
  }
  const auto naive = [=](Data& d) {
    each_step(d.shape, reverse, [&](int64_t b, int64_t t, int64_t before_t) {
      const double* from = before_t < 0 ? d.rows(initial_h, b) : d.stream(h, before_t, b);
      const double from_a = before_t < 0 ? d.vector(initial_a)[0] : d.stream(a, before_t, b)[0];
      const double next_a = from_a * d.rows(decay, b)[0];
      d.stream(a, t, b)[0] = next_a;
      for (int64_t u = 0; u < units; ++u) {
        const bool is_kept = philox(d.shape.seed, uint64_t(u), b, 0, 7) < 0x80000000u;
        const bool is_in = philox(d.shape.seed, uint64_t(u), b, t + d.shape.first_step, 4000000000) < 0x40000000u;
        d.stream(h, t, b)[u] = next_a * from[u] * is_kept + is_in * d.stream(x, t, b)[u] * 0.75;
      }
    });
    for (int64_t b = 0; b < d.shape.num_rows; ++b) {
      const int64_t t = last_step(d.shape, reverse, b);
      copy(t < 0 ? d.rows(initial_h, b) : d.stream(h, t, b), units, d.rows(final_h, b));
      copy(t < 0 ? d.vector(initial_a) : d.stream(a, t, b), 1, d.rows(final_a, b));
    }
  };
  return {"elementwise", p.plan, naive, false};
}

struct Moments {
  double mean = 0, scale = 0;  // scale: 1 / deviation
};

Moments moments(const double* a, int64_t n, bool centered) {
  Moments m;
  if (centered)
    for (int64_t u = 0; u < n; ++u) m.mean += a[u] / double(n);
  double variance = 0;
  for (int64_t u = 0; u < n; ++u) variance += (a[u] - m.mean) * (a[u] - m.mean) / double(n);
  m.scale = 1 / std::sqrt(variance + 1e-5);
  return m;
}

std::vector<double> normalized(const double* a, int64_t n, bool centered) {
  const Moments m = moments(a, n, centered);
  std::vector<double> y;
  for (int64_t u = 0; u < n; ++u) y.push_back((a[u] - m.mean) * m.scale);
  return y;
}

// The derivative of `normalized` at x, times g.
std::vector<double> normalized_grad(const double* g, const double* x, int64_t n, bool centered) {
  const Moments m = moments(x, n, centered);
  const std::vector<double> y = normalized(x, n, centered);
  double mean = 0, along = 0;
  for (int64_t u = 0; u < n; ++u) {
    mean += centered ? g[u] / double(n) : 0;
    along += g[u] * y[size_t(u)] / double(n);
  }
  std::vector<double> found;
  for (int64_t u = 0; u < n; ++u) found.push_back(m.scale * (g[u] - mean - y[size_t(u)] * along));
  return found;
}

double total_of(const double* a, int64_t n) {
  double sum = 0;
  for (int64_t u = 0; u < n; ++u) sum += a[u];
  return sum;
}

// Norms of a parameter, of rows, of streams, and of a state in a loop of two phases.
Case norms(int64_t units, bool reverse) {
  Builder p;
  const Ref x = p.stream(units), g = p.stream(units), w = p.vector(units), row = p.rows(units);
  const Ref initial = p.rows(units), h = p.stream(units);
  const Ref layer_grad = p.stream(units), rms_grad = p.stream(units), scaled = p.stream(units);
  const Ref sums = p.stream(1);
  const Ref normal_w = p.vector(units, false), normal_row = p.rows(units, false);
  const Ref sum = p.local(1), sum_h = p.local(1), mixed = p.local(units), normal = p.local(units);
  const Ref sixteenth = p.constant(0.0625);
  const Ref last = p.shift(h, initial, reverse);
  norm(phase(p.section(SectionKind::fixed), false), NormOp::layer_norm, normal_w, {w});
  norm(phase(p.section(SectionKind::rows), false), NormOp::rms_norm, normal_row, {row});
  {
    Phase& all = phase(p.section(SectionKind::flat), false);
    norm(all, NormOp::layer_norm_grad, layer_grad, {g, x});
    norm(all, NormOp::rms_norm_grad, rms_grad, {g, x});
    norm(all, NormOp::total, sum, {x});
    program(all, units, 0, {instruction(Op::mul, whole(scaled), {splat(sum), whole(g)})});
  }
  {
    Section& loop = p.section(SectionKind::loop, reverse);
    loop.states.push_back({last.array, -1});
    program(phase(loop, false), units, 0,
            {instruction(Op::fma, whole(mixed), {whole(normal_row), whole(last), whole(x)})});
    Phase& second = phase(loop, true);
    norm(second, NormOp::layer_norm, normal, {mixed});
    norm(second, NormOp::total, sum_h, {mixed});
    program(second, 1, 0, {instruction(Op::store, whole(sums), {whole(sum_h)})});
    program(second, units, 1,
            {instruction(Op::mul, slot(0), {splat(sum_h), splat(sixteenth)}),
             instruction(Op::tanh, slot(0), {slot(0)}),
             instruction(Op::fma, whole(h), {whole(normal), whole(normal_w), slot(0)})});
  }
  const auto naive = [=](Data& d) {
    const std::vector<double> weights = normalized(d.vector(w), units, true);
    each_step(d.shape, reverse, [&](int64_t b, int64_t t, int64_t before_t) {
      const double *xs = d.stream(x, t, b), *gs = d.stream(g, t, b);
      copy(normalized_grad(gs, xs, units, true).data(), units, d.stream(layer_grad, t, b));
      copy(normalized_grad(gs, xs, units, false).data(), units, d.stream(rms_grad, t, b));
      const double total = total_of(xs, units);
      for (int64_t u = 0; u < units; ++u) d.stream(scaled, t, b)[u] = total * gs[u];
      const double* from = before_t < 0 ? d.rows(initial, b) : d.stream(h, before_t, b);
      std::vector<double> state = normalized(d.rows(row, b), units, false);
      for (int64_t u = 0; u < units; ++u) state[size_t(u)] = state[size_t(u)] * from[u] + xs[u];
      const double total_h = total_of(state.data(), units);
      d.stream(sums, t, b)[0] = total_h;
      const std::vector<double> unit = normalized(state.data(), units, true);
      for (int64_t u = 0; u < units; ++u)
        d.stream(h, t, b)[u] = unit[size_t(u)] * weights[size_t(u)] + std::tanh(total_h / 16);
    });
  };
  return {"norms", p.plan, naive, false};
}

// Differences to the step before and the step after, and a sum of each.
Case shifts(int64_t units) {
  Builder p;
  const Ref x = p.stream(units), from_rows = p.rows(units), from_vector = p.vector(units);
  const Ref down = p.stream(units), up = p.stream(units), sums = p.matrix(units, units + 1), one = p.vector(1);
  const Ref before = p.shift(x, from_rows, false), after = p.shift(x, from_vector, true);
  const Ref scalar = p.stream(1), copies = p.stream(1);
  Phase& all = phase(p.section(SectionKind::flat), false);
  program(all, units, 2, {instruction(Op::copy, slot(1), {whole(before)}),
                          instruction(Op::sub, whole(down), {whole(x), slot(1)}),
                          instruction(Op::copy, slot(0), {splat(scalar)}),
                          instruction(Op::fnma, whole(up), {slot(0), whole(x), whole(after)})});
  program(all, 1, 0, {instruction(Op::neg, whole(copies), {whole(scalar)})});
  p.reduce(sums, after, before, 1);
  p.reduce(one, scalar, Ref{});
  const auto naive = [=](Data& d) {
    each_step(d.shape, false, [&](int64_t b, int64_t t, int64_t) {
      const double* left = t == 0 ? d.rows(from_rows, b) : d.stream(x, t - 1, b);
      const double* right = t + 1 == d.shape.length(b) ? d.vector(from_vector) : d.stream(x, t + 1, b);
      const double factor = d.stream(scalar, t, b)[0];
      for (int64_t u = 0; u < units; ++u) {
        d.stream(down, t, b)[u] = d.stream(x, t, b)[u] - left[u];
        d.stream(up, t, b)[u] = right[u] - factor * d.stream(x, t, b)[u];
        for (int64_t k = 0; k < units; ++k) d.matrix(sums, u)[1 + k] += right[u] * left[k];
      }
      d.stream(copies, t, b)[0] = -factor;
      d.vector(one)[0] += factor;
    });
  };
  return {"shifts", p.plan, naive, false};
}

double operation(Op op, double a, double b, double c) {
  const double density = std::exp(-a * a / 2) * 0.3989422804014327;  // 1 / sqrt(2 pi)
  const double cumulative = 0.5 * std::erfc(-a * 0.7071067811865476);
  switch (op) {
    case Op::add: return a + b;
    case Op::sub: return a - b;
    case Op::mul: return a * b;
    case Op::div: return a / b;
    case Op::pow: return std::pow(a, b);
    case Op::neg: return -a;
    case Op::sigmoid: return sigmoid(a);
    case Op::tanh: return std::tanh(a);
    case Op::relu: return a > 0 ? a : 0;
    case Op::softplus: return std::log1p(std::exp(a));
    case Op::silu: return a * sigmoid(a);
    case Op::gelu: return a * cumulative;
    case Op::exp: return std::exp(a);
    case Op::log: return std::log(a);
    case Op::sqrt: return std::sqrt(a);
    case Op::abs: return std::fabs(a);
    case Op::sign: return a > 0 ? 1 : a < 0 ? -1 : 0;
    case Op::minimum: return std::min(a, b);
    case Op::maximum: return std::max(a, b);
    case Op::select: return a != 0 ? b : c;
    case Op::exceeds: return a > b ? 1 : a == b ? 0.5 : 0;
    case Op::gelu_grad: return cumulative + a * density;
    case Op::fma: return a * b + c;
    case Op::fnma: return c - a * b;
    case Op::copy:
    case Op::store: return a;
    default: std::abort();
  }
}

// Every operation, its arguments whole or one number a row, from arrays and from slots.
Case operations(int64_t units) {
  struct Call {
    Op op;
    bool splats[3];
    bool is_positive;  // reads the first argument from `positive`
    Ref target;
  };
  Builder p;
  const Ref whole_args[3] = {p.stream(units), p.stream(units), p.rows(units)};
  const Ref splat_args[3] = {p.stream(1), p.vector(1), p.rows(1)};
  const Ref raw = p.stream(units), raw_splat = p.stream(1), half = p.constant(0.5);
  const Ref positive = p.stream(units, false), positive_splat = p.stream(1, false);
  Phase& all = phase(p.section(SectionKind::flat), false);
  program(all, 1, 1, {instruction(Op::abs, slot(0), {whole(raw_splat)}),
                      instruction(Op::add, whole(positive_splat), {slot(0), whole(half)})});
  program(all, units, 1, {instruction(Op::abs, slot(0), {whole(raw)}),
                          instruction(Op::add, whole(positive), {slot(0), splat(half)})});
  std::vector<Call> calls;
  std::vector<Instruction> instructions;
  for (int64_t o = 0; o < int64_t(Op::random); ++o) {
    const Op op = Op(o);
    const bool is_ternary = op == Op::select || op == Op::fma || op == Op::fnma;
    const bool is_binary = op <= Op::pow || op == Op::minimum || op == Op::maximum || op == Op::exceeds;
    const int num_args = is_ternary ? 3 : is_binary ? 2 : 1;
    const bool takes_splats = num_args > 1 || op == Op::copy || op == Op::store;
    for (int splats = 0; splats < (takes_splats ? 1 << num_args : 1); ++splats) {
      Call call{op, {}, op == Op::pow || op == Op::log || op == Op::sqrt, p.stream(units)};
      std::vector<Operand> args;
      for (int k = 0; k < num_args; ++k) {
        call.splats[k] = (splats >> k) & 1;
        const bool is_positive = (k == 0 && call.is_positive) || (k == 1 && op == Op::div);
        if (call.splats[k]) {
          args.push_back(splat(is_positive ? positive_splat : splat_args[k]));
        } else {
          instructions.push_back(instruction(Op::copy, slot(k), {whole(is_positive ? positive : whole_args[k])}));
          args.push_back((splats + o) % 2 ? slot(k) : instructions.back().args[0]);
        }
      }
      instructions.push_back(instruction(op, whole(call.target), args));
      calls.push_back(call);
    }
  }
  program(p.plan.sections[0].phases[0], units, 3, instructions);
  const auto naive = [=](Data& d) {
    each_step(d.shape, false, [&](int64_t b, int64_t t, int64_t) {
      const double* whole_values[3] = {d.stream(whole_args[0], t, b), d.stream(whole_args[1], t, b),
                                       d.rows(whole_args[2], b)};
      const double splat_values[3] = {d.stream(splat_args[0], t, b)[0], d.vector(splat_args[1])[0],
                                      d.rows(splat_args[2], b)[0]};
      const double positive_number = std::fabs(d.stream(raw_splat, t, b)[0]) + 0.5;
      for (const Call& call : calls)
        for (int64_t u = 0; u < units; ++u) {
          double args[3];
          for (int k = 0; k < 3; ++k) {
            const bool is_positive = (k == 0 && call.is_positive) || (k == 1 && call.op == Op::div);
            const double positive_unit = std::fabs(d.stream(raw, t, b)[u]) + 0.5;
            args[k] = is_positive ? (call.splats[k] ? positive_number : positive_unit)
                                  : (call.splats[k] ? splat_values[k] : whole_values[k][u]);
          }
          d.stream(call.target, t, b)[u] = operation(call.op, args[0], args[1], args[2]);
        }
    });
  };
  return {"operations", p.plan, naive, false};
}

// Two deltas that are summed into one matrix and one vector, and one of them into others, too.
Case twice(int64_t units, int64_t inputs) {
  Builder p;
  const Ref a = p.stream(units), b = p.stream(units), x = p.stream(inputs), y = p.stream(inputs);
  const Ref both = p.matrix(units, inputs), one = p.matrix(units, inputs);
  const Ref sum = p.vector(units), own = p.vector(units), copies = p.stream(units);
  program(phase(p.section(SectionKind::flat), false), units, 0,
          {instruction(Op::neg, whole(copies), {whole(a)})});
  p.reduce(both, a, x);
  p.reduce(both, b, y);
  p.reduce(one, b, x);
  p.reduce(sum, a, Ref{});
  p.reduce(sum, b, Ref{});
  p.reduce(own, b, Ref{});
  const auto naive = [=](Data& d) {
    each_step(d.shape, false, [&](int64_t row, int64_t t, int64_t) {
      const double *of_a = d.stream(a, t, row), *of_b = d.stream(b, t, row);
      for (int64_t u = 0; u < units; ++u) {
        d.stream(copies, t, row)[u] = -of_a[u];
        d.vector(sum)[u] += of_a[u] + of_b[u];
        d.vector(own)[u] += of_b[u];
        for (int64_t k = 0; k < inputs; ++k) {
          d.matrix(both, u)[k] += of_a[u] * d.stream(x, t, row)[k] + of_b[u] * d.stream(y, t, row)[k];
          d.matrix(one, u)[k] += of_b[u] * d.stream(x, t, row)[k];
        }
      }
    });
  };
  return {"twice", p.plan, naive, true};
}

}  // namespace

std::vector<Case> all_cases(int64_t units, int64_t inputs, bool reverse) {
  std::vector<Case> found = {elman(units, inputs, reverse), gated(units, inputs, reverse),
                             elementwise(units, reverse), norms(units, reverse)};
  if (!reverse) {
    found.push_back(shifts(units));
    found.push_back(operations(units));
    found.push_back(twice(units, inputs));
  }
  return found;
}

}  // namespace ostinato::tests
