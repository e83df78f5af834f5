// Compiled once for each instruction set: OSTINATO_ISA names it, OSTINATO_BYTES is its vector.
//
// GCC and Clang vector extensions, and x86's minimum and maximum, which they lack. Nothing of the
// standard library is used here but plain C mathematics, so that no inline function compiled for a
// large instruction set is shared with code that must run on a small one.
#include "kernels.h"

#include <math.h>
#include <string.h>

#ifndef OSTINATO_ISA
#error "define OSTINATO_ISA and OSTINATO_BYTES"
#endif

#include "functions.h"

namespace ostinato {
namespace OSTINATO_ISA {
namespace {

// 32 registers hold a tile of 6 x 4 vectors, 16 hold one of 6 x 2.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kPanel = 4;
#else
constexpr int kPanel = 2;
#endif

struct Add { template <class T> static inline V<T> of(V<T> a, V<T> b) { return a + b; } };
struct Sub { template <class T> static inline V<T> of(V<T> a, V<T> b) { return a - b; } };
struct Mul { template <class T> static inline V<T> of(V<T> a, V<T> b) { return a * b; } };
struct Div { template <class T> static inline V<T> of(V<T> a, V<T> b) { return a / b; } };
struct Pow {
  template <class T>
  static inline V<T> of(V<T> a, V<T> b) {
    V<T> y;
    for (int k = 0; k < kLanes<T>; ++k) y[k] = c_pow(a[k], b[k]);
    return y;
  }
};
struct Minimum {
  template <class T>
  static inline V<T> of(V<T> a, V<T> b) {
    V<T> y = a < b ? a : b;
    return a != a ? a : y;
  }
};
struct Maximum {
  template <class T>
  static inline V<T> of(V<T> a, V<T> b) {
    V<T> y = a > b ? a : b;
    return a != a ? a : y;
  }
};
struct Exceeds {
  template <class T>
  static inline V<T> of(V<T> a, V<T> b) {
    V<T> y = a > b ? splat(T(1)) : V<T>{};
    return a == b ? splat(T(0.5)) : y;
  }
};
struct Select {
  template <class T>
  static inline V<T> of(V<T> c, V<T> a, V<T> b) { return c != T(0) ? a : b; }
};
struct Fma { template <class T> static inline V<T> of(V<T> a, V<T> b, V<T> c) { return a * b + c; } };
struct Fnma { template <class T> static inline V<T> of(V<T> a, V<T> b, V<T> c) { return c - a * b; } };

struct Copy { template <class T> static inline V<T> of(V<T> a) { return a; } };
struct Neg { template <class T> static inline V<T> of(V<T> a) { return -a; } };
struct Sigmoid { template <class T> static inline V<T> of(V<T> a) { return v_sigmoid<T>(a); } };
struct Tanh { template <class T> static inline V<T> of(V<T> a) { return v_tanh<T>(a); } };
struct Relu {
  template <class T>
  static inline V<T> of(V<T> a) { return a < T(0) ? V<T>{} : a; }
};
struct Softplus { template <class T> static inline V<T> of(V<T> a) { return v_softplus<T>(a); } };
struct Silu { template <class T> static inline V<T> of(V<T> a) { return a * v_sigmoid<T>(a); } };
struct Gelu { template <class T> static inline V<T> of(V<T> a) { return v_gelu<T>(a); } };
struct GeluGrad { template <class T> static inline V<T> of(V<T> a) { return v_gelu_grad<T>(a); } };
struct ExpOf { template <class T> static inline V<T> of(V<T> a) { return v_exp<T>(a); } };
struct LogOf { template <class T> static inline V<T> of(V<T> a) { return v_log<T>(a); } };
struct Sqrt { template <class T> static inline V<T> of(V<T> a) { return v_sqrt<T>(a); } };
struct Abs { template <class T> static inline V<T> of(V<T> a) { return v_abs<T>(a); } };
struct Sign {
  template <class T>
  static inline V<T> of(V<T> a) {
    V<T> y = a > T(0) ? splat(T(1)) : V<T>{};
    return a < T(0) ? splat(T(-1)) : y;
  }
};

template <class T>
inline const T* slot_row(const Source<T>& source, const Tile<T>& tile, int row) {
  return source.slot + (source.moves * tile.first_slot_row + row) * tile.stride;
}

// Reading an argument of one row: a vector after another, or one number.

template <class T, bool kSplat>
struct Reader {
  const T* p;
  V<T> number;
  inline Reader(const Source<T>& source, const Tile<T>& tile, int row) {
    if (kSplat) {
      number = splat(source.rows ? *source.rows[tile.first_row + row] : *slot_row(source, tile, row));
    } else {
      p = source.rows ? source.rows[tile.first_row + row] + tile.first_unit
                      : slot_row(source, tile, row);
    }
  }
  inline V<T> at(int64_t u) const { return kSplat ? number : load(p + u); }
};

template <class T>
inline T* target_row(const Source<T>& target, const Tile<T>& tile, int row) {
  return target.rows ? target.rows[tile.first_row + row] + tile.first_unit
                     : const_cast<T*>(slot_row(target, tile, row));
}

// Slots lie row after row, so that whole tiles of them are one long vector; what lies between the
// last unit and the next row is computed, too, and read by nobody.
template <class T>
inline bool is_dense(const Source<T>& source) {
  return !source.rows && !source.splat;
}

template <class T>
using Run = void (*)(const TileOp<T>&, const Tile<T>&);

// Functions have long chains of instructions: four at a time hide their latency.
template <class T, class F>
inline void apply(const T* a, T* y, int64_t size) {
  constexpr int kAtOnce = 4, kSome = kAtOnce * kLanes<T>;
  int64_t u = 0;
  for (; u + kSome <= size; u += kSome) {
    V<T> x[kAtOnce];
#pragma GCC unroll 4
    for (int k = 0; k < kAtOnce; ++k) x[k] = F::template of<T>(load(a + u + k * kLanes<T>));
#pragma GCC unroll 4
    for (int k = 0; k < kAtOnce; ++k) put(y + u + k * kLanes<T>, x[k]);
  }
  for (; u < size; u += kLanes<T>) put(y + u, F::template of<T>(load(a + u)));
}

template <class T, class F>
void unary_of(const TileOp<T>& op, const Tile<T>& tile) {
  if (is_dense(op.target) && is_dense(op.args[0])) {
    T* y = const_cast<T*>(slot_row(op.target, tile, 0));
    apply<T, F>(slot_row(op.args[0], tile, 0), y, tile.rows * tile.stride);
    return;
  }
  for (int r = 0; r < tile.rows; ++r) {
    T* y = target_row(op.target, tile, r);
    const Reader<T, false> a(op.args[0], tile, r);
    apply<T, F>(a.p, y, tile.num_units);
  }
}

template <class T>
void copy_splat(const TileOp<T>& op, const Tile<T>& tile) {
  for (int r = 0; r < tile.rows; ++r) {
    T* y = target_row(op.target, tile, r);
    Reader<T, true> a(op.args[0], tile, r);
    for (int64_t u = 0; u < tile.num_units; u += kLanes<T>) put(y + u, a.at(u));
  }
}

template <class T, class F, bool A, bool B>
void binary_of(const TileOp<T>& op, const Tile<T>& tile) {
  if (is_dense(op.target) && is_dense(op.args[0]) && is_dense(op.args[1])) {
    T* y = const_cast<T*>(slot_row(op.target, tile, 0));
    const T *a = slot_row(op.args[0], tile, 0), *b = slot_row(op.args[1], tile, 0);
    for (int64_t u = 0; u < tile.rows * tile.stride; u += kLanes<T>)
      put(y + u, F::template of<T>(load(a + u), load(b + u)));
    return;
  }
  for (int r = 0; r < tile.rows; ++r) {
    T* y = target_row(op.target, tile, r);
    Reader<T, A> a(op.args[0], tile, r);
    Reader<T, B> b(op.args[1], tile, r);
    for (int64_t u = 0; u < tile.num_units; u += kLanes<T>)
      put(y + u, F::template of<T>(a.at(u), b.at(u)));
  }
}

template <class T, class F>
Run<T> binary(const TileOp<T>& op) {
  switch (op.args[0].splat * 2 + op.args[1].splat) {
    case 0: return binary_of<T, F, false, false>;
    case 1: return binary_of<T, F, false, true>;
    case 2: return binary_of<T, F, true, false>;
    default: return binary_of<T, F, true, true>;
  }
}

template <class T, class F, bool A, bool B, bool C>
void ternary_of(const TileOp<T>& op, const Tile<T>& tile) {
  if (is_dense(op.target) && is_dense(op.args[0]) && is_dense(op.args[1]) && is_dense(op.args[2])) {
    T* y = const_cast<T*>(slot_row(op.target, tile, 0));
    const T *a = slot_row(op.args[0], tile, 0), *b = slot_row(op.args[1], tile, 0),
            *c = slot_row(op.args[2], tile, 0);
    for (int64_t u = 0; u < tile.rows * tile.stride; u += kLanes<T>)
      put(y + u, F::template of<T>(load(a + u), load(b + u), load(c + u)));
    return;
  }
  for (int r = 0; r < tile.rows; ++r) {
    T* y = target_row(op.target, tile, r);
    Reader<T, A> a(op.args[0], tile, r);
    Reader<T, B> b(op.args[1], tile, r);
    Reader<T, C> c(op.args[2], tile, r);
    for (int64_t u = 0; u < tile.num_units; u += kLanes<T>)
      put(y + u, F::template of<T>(a.at(u), b.at(u), c.at(u)));
  }
}

template <class T, class F>
Run<T> ternary(const TileOp<T>& op) {
  switch (op.args[0].splat * 4 + op.args[1].splat * 2 + op.args[2].splat) {
    case 0: return ternary_of<T, F, false, false, false>;
    case 1: return ternary_of<T, F, false, false, true>;
    case 2: return ternary_of<T, F, false, true, false>;
    case 3: return ternary_of<T, F, false, true, true>;
    case 4: return ternary_of<T, F, true, false, false>;
    case 5: return ternary_of<T, F, true, false, true>;
    case 6: return ternary_of<T, F, true, true, false>;
    default: return ternary_of<T, F, true, true, true>;
  }
}

// Philox4x32-10 (Salmon et al. 2011): the same words as engines/random.py.
inline void philox(uint32_t c[4], uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = uint64_t(c[0]) * 0xD2511F53u, p1 = uint64_t(c[2]) * 0xCD9E8D57u;
    uint32_t c1 = c[1], c3 = c[3];
    c[0] = uint32_t(p1 >> 32) ^ c1 ^ k0;
    c[1] = uint32_t(p1);
    c[2] = uint32_t(p0 >> 32) ^ c3 ^ k1;
    c[3] = uint32_t(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

template <class T>
void random(const TileOp<T>& op, const Tile<T>& tile) {
  for (int r = 0; r < tile.rows; ++r) {
    T* y = target_row(op.target, tile, r);
    for (int64_t u = 0; u < tile.num_units;) {
      uint64_t unit = uint64_t(tile.first_unit + u);
      const uint32_t step = op.per_step ? tile.step_numbers[tile.first_row + r] : 0;
      uint32_t words[4] = {uint32_t(unit / 4), tile.row_numbers[tile.first_row + r], step, op.stream};
      philox(words, uint32_t(tile.seed), uint32_t(tile.seed >> 32));
      for (uint64_t k = unit % 4; k < 4 && u < tile.num_units; ++k, ++u)
        y[u] = words[k] < op.threshold ? T(1) : T(0);
    }
  }
}

template <class T>
Run<T> chosen(const TileOp<T>& op) {
  switch (op.op) {
    case Op::add: return binary<T, Add>(op);
    case Op::sub: return binary<T, Sub>(op);
    case Op::mul: return binary<T, Mul>(op);
    case Op::div: return binary<T, Div>(op);
    case Op::pow: return binary<T, Pow>(op);
    case Op::minimum: return binary<T, Minimum>(op);
    case Op::maximum: return binary<T, Maximum>(op);
    case Op::exceeds: return binary<T, Exceeds>(op);
    case Op::select: return ternary<T, Select>(op);
    case Op::fma: return ternary<T, Fma>(op);
    case Op::fnma: return ternary<T, Fnma>(op);
    case Op::neg: return unary_of<T, Neg>;
    case Op::sigmoid: return unary_of<T, Sigmoid>;
    case Op::tanh: return unary_of<T, Tanh>;
    case Op::relu: return unary_of<T, Relu>;
    case Op::softplus: return unary_of<T, Softplus>;
    case Op::silu: return unary_of<T, Silu>;
    case Op::gelu: return unary_of<T, Gelu>;
    case Op::gelu_grad: return unary_of<T, GeluGrad>;
    case Op::exp: return unary_of<T, ExpOf>;
    case Op::log: return unary_of<T, LogOf>;
    case Op::sqrt: return unary_of<T, Sqrt>;
    case Op::abs: return unary_of<T, Abs>;
    case Op::sign: return unary_of<T, Sign>;
    case Op::copy:
    case Op::store:
      return op.args[0].splat ? copy_splat<T> : unary_of<T, Copy>;
    case Op::random: return random<T>;
    case Op::num_ops: break;
  }
  return nullptr;
}

template <class T>
void resolve(TileOp<T>& op) {
  op.run = chosen<T>(op);
}

// Reads and writes of whole vectors would leave the arrays: go through staging slots.
template <class T>
void one_at_the_edge(const TileOp<T>& op, const Tile<T>& tile) {
  TileOp<T> staged = op;
  const int64_t padded = (tile.num_units + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
  const int64_t slot = tile.stride * tile.rows;
  for (int k = 0; k < op.num_args; ++k) {
    const Source<T>& source = op.args[k];
    T* stage = tile.staging + k * slot;
    if (!source.rows || source.splat) continue;
    for (int r = 0; r < tile.rows; ++r) {
      T* row = stage + r * tile.stride;
      memcpy(row, source.rows[tile.first_row + r] + tile.first_unit, tile.num_units * sizeof(T));
      for (int64_t u = tile.num_units; u < padded; ++u) row[u] = T(0);
    }
    staged.args[k] = Source<T>{stage, nullptr, false, false};
  }
  T* stage = tile.staging;
  const bool writes_array = op.target.rows != nullptr;
  if (writes_array) staged.target = Source<T>{stage, nullptr, false, false};
  op.run(staged, tile);
  if (writes_array) {
    for (int r = 0; r < tile.rows; ++r)
      memcpy(op.target.rows[tile.first_row + r] + tile.first_unit, stage + r * tile.stride,
             tile.num_units * sizeof(T));
  }
}

template <class T>
void run(const TileOp<T>* ops, int num_ops, const Tile<T>& tile) {
  if (tile.num_units % kLanes<T> == 0) {
    for (int k = 0; k < num_ops; ++k) ops[k].run(ops[k], tile);
  } else {
    for (int k = 0; k < num_ops; ++k) one_at_the_edge<T>(ops[k], tile);
  }
}

// Products: R rows times N vectors, all sums in registers.

template <class T>
inline V<T> start(const Product<T>& p, int row, int n) {
  if (p.starts) return load(p.starts[n][p.first_row + row] + p.starts_at[n]);
  return p.adds ? load(p.target[n] + row * p.stride) : V<T>{};
}

template <class T, int R, int N>
void micro(const Product<T>& p, int first, const T* next) {
  V<T> sums[R][N];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n)
      sums[r][n] = start<T>(p, first + r, n);
  const T* w = p.panel;
  for (int s = 0; s < p.num_segments; ++s) {
    const int64_t depth = p.segments[s].depth;
    const T* rows[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) rows[r] = p.segments[s].rows[p.first_row + first + r];
    for (int64_t k = 0; k < depth; ++k, w += N * kLanes<T>) {
      __builtin_prefetch(next + k * kLanes<T>, 0, 2);
      V<T> weights[N];
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) weights[n] = load(w + n * kLanes<T>);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        V<T> x = splat(rows[r][k]);
#pragma GCC unroll 8
        for (int n = 0; n < N; ++n) sums[r][n] += x * weights[n];
      }
    }
    next += depth * kLanes<T>;
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) put(p.target[n] + (first + r) * p.stride, sums[r][n]);
}

// Few rows: several steps of the depth at once hide the latency of the sums.
template <class T, int R, int N>
void micro_few(const Product<T>& p, int first) {
  constexpr int kWays = R * N >= 8 ? 2 : 4;
  V<T> sums[kWays][R][N] = {};
  const T* w = p.panel;
  for (int s = 0; s < p.num_segments; ++s) {
    const int64_t depth = p.segments[s].depth;
    const T* rows[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) rows[r] = p.segments[s].rows[p.first_row + first + r];
    int64_t k = 0;
    for (; k + kWays <= depth; k += kWays, w += kWays * N * kLanes<T>) {
#pragma GCC unroll 4
      for (int way = 0; way < kWays; ++way)
#pragma GCC unroll 8
        for (int n = 0; n < N; ++n) {
          V<T> weight = load(w + (way * N + n) * kLanes<T>);
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) sums[way][r][n] += splat(rows[r][k + way]) * weight;
        }
    }
    for (; k < depth; ++k, w += N * kLanes<T>) {
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) {
        V<T> weight = load(w + n * kLanes<T>);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) sums[0][r][n] += splat(rows[r][k]) * weight;
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) {
      V<T> sum = sums[0][r][n] + sums[1][r][n];
      if (kWays == 4) sum += sums[kWays - 2][r][n] + sums[kWays - 1][r][n];
      put(p.target[n] + (first + r) * p.stride, start<T>(p, first + r, n) + sum);
    }
}

template <class T, int N>
void product_of(const Product<T>& p) {
  // Narrow panels leave registers for more rows; the rows are dealt out evenly.
  constexpr int kRows = N <= 3 && kPanel == 4 ? 8 : 6;
  const int num_blocks = (p.count + kRows - 1) / kRows;
  for (int block = 0, r = 0; block < num_blocks; ++block) {
    const int rows = p.count / num_blocks + (block < p.count % num_blocks);
    // Each of the first N blocks fetches a share of the next panel.
    const T* next = p.next + (block < N ? block : N - 1) * p.depth * kLanes<T>;
    switch (rows) {
      case 1: micro_few<T, 1, N>(p, r); break;
      case 2: micro_few<T, 2, N>(p, r); break;
      case 3: micro<T, 3, N>(p, r, next); break;
      case 4: micro<T, 4, N>(p, r, next); break;
      case 5: micro<T, 5, N>(p, r, next); break;
      case 6: micro<T, 6, N>(p, r, next); break;
      case 7: micro<T, kRows == 8 ? 7 : 6, N>(p, r, next); break;
      default: micro<T, kRows, N>(p, r, next); break;
    }
    r += rows;
  }
}

template <class T>
void product(int width, const Product<T>& p) {
  switch (width) {
    case 1: return product_of<T, 1>(p);
    case 2: return product_of<T, 2>(p);
#if defined(__AVX512F__) || defined(__aarch64__)
    case 3: return product_of<T, 3>(p);
    case 4: return product_of<T, 4>(p);
#endif
    default: return;
  }
}

// Norms. Sums run in double, in eight lanes and one order for every instruction set.

typedef double Eight __attribute__((vector_size(64)));

// Not returned by value: where vectors are shorter, that would be another calling convention.
template <class T>
inline void widen(const T* a, Eight& y) {
  typedef T Narrow __attribute__((vector_size(8 * sizeof(T))));
  Narrow narrow;
  memcpy(&narrow, a, sizeof narrow);
  y = __builtin_convertvector(narrow, Eight);
}

inline double total_of(const Eight& parts) {
  double sum = 0;
  for (int k = 0; k < 8; ++k) sum += parts[k];
  return sum;
}

template <class T>
inline double sum_of(int64_t size, const T* a) {
  Eight parts = {};
  int64_t u = 0;
  for (; u + 8 <= size; u += 8) {
    Eight x;
    widen(a + u, x);
    parts += x;
  }
  for (int k = 0; u < size; ++u, ++k) parts[k] += double(a[u]);
  return total_of(parts);
}

template <class T>
inline double dot_of(int64_t size, const T* a, const T* b, double shift_a, double shift_b) {
  Eight parts = {};
  int64_t u = 0;
  for (; u + 8 <= size; u += 8) {
    Eight x, y;
    widen(a + u, x);
    widen(b + u, y);
    parts += (x - shift_a) * (y - shift_b);
  }
  for (int k = 0; u < size; ++u, ++k)
    parts[k] += (double(a[u]) - shift_a) * (double(b[u]) - shift_b);
  return total_of(parts);
}

constexpr double kEpsilon = 1e-5;

template <class T>
void norm(NormOp op, int64_t size, const T* a, const T* b, T* target, int64_t first, int64_t last) {
  const double n = double(size);
  switch (op) {
    case NormOp::total: {
      target[0] = T(sum_of(size, a));
      return;
    }
    case NormOp::layer_norm: {
      const double mean = sum_of(size, a) / n;
      const double scale = 1 / c_sqrt(dot_of(size, a, a, mean, mean) / n + kEpsilon);
      for (int64_t u = first; u < last; ++u) target[u] = T((double(a[u]) - mean) * scale);
      return;
    }
    case NormOp::rms_norm: {
      const double scale = 1 / c_sqrt(dot_of(size, a, a, 0, 0) / n + kEpsilon);
      for (int64_t u = first; u < last; ++u) target[u] = T(double(a[u]) * scale);
      return;
    }
    case NormOp::layer_norm_grad: {  // a: the gradient, b: what was normalized
      const double mean = sum_of(size, b) / n;
      const double scale = 1 / c_sqrt(dot_of(size, b, b, mean, mean) / n + kEpsilon);
      const double mean_gradient = sum_of(size, a) / n;
      const double along = dot_of(size, a, b, 0, mean) * scale / n;
      for (int64_t u = first; u < last; ++u) {
        const double unit = (double(b[u]) - mean) * scale;
        target[u] = T(scale * (double(a[u]) - mean_gradient - unit * along));
      }
      return;
    }
    case NormOp::rms_norm_grad: {
      const double scale = 1 / c_sqrt(dot_of(size, b, b, 0, 0) / n + kEpsilon);
      const double along = dot_of(size, a, b, 0, 0) * scale / n;
      for (int64_t u = first; u < last; ++u) {
        const double unit = double(b[u]) * scale;
        target[u] = T(scale * (double(a[u]) - unit * along));
      }
      return;
    }
    case NormOp::num_ops: return;
  }
}

// Sums of outer products: R x N vectors of the target in registers over the whole depth.

template <class T, int R, int N>
void outer_of(int64_t columns, int64_t depth, const T* delta, const T* operand, T* target,
              int64_t stride) {
  V<T> sums[R][N] = {};
  for (int64_t k = 0; k < depth; ++k) {
    V<T> x[N];
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) x[n] = load(operand + n * kLanes<T>);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      V<T> d = splat(delta[r]);
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) sums[r][n] += d * x[n];
    }
    delta += kStripPitch;
    operand += N * kLanes<T>;
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) {
      T* y = target + r * stride + n * kLanes<T>;
      const int64_t left = columns - n * kLanes<T>;
      if (left >= kLanes<T>) {
        put(y, load(y) + sums[r][n]);
      } else if (left > 0) {
        V<T> sum = load_part(y, left) + sums[r][n];
        memcpy(y, &sum, left * sizeof(T));
      }
    }
  }
}

template <class T>
void outer(int rows, int64_t columns, int64_t depth, const T* delta, const T* operand, T* target,
           int64_t stride) {
  switch (rows) {
    case 1: return outer_of<T, 1, kPanel>(columns, depth, delta, operand, target, stride);
    case 2: return outer_of<T, 2, kPanel>(columns, depth, delta, operand, target, stride);
    case 3: return outer_of<T, 3, kPanel>(columns, depth, delta, operand, target, stride);
    case 4: return outer_of<T, 4, kPanel>(columns, depth, delta, operand, target, stride);
    case 5: return outer_of<T, 5, kPanel>(columns, depth, delta, operand, target, stride);
    default: return outer_of<T, kStrip, kPanel>(columns, depth, delta, operand, target, stride);
  }
}

template <class T, int kWidth>
void deal_of(int64_t size, int step, const T* from, T* to, int64_t pitch) {
  int64_t j = 0;
  for (; j + kWidth <= size; j += step, to += pitch) memcpy(to, from + j, kWidth * sizeof(T));
  for (; j < size; j += step, to += pitch) {
    const int64_t count = size - j < kWidth ? size - j : kWidth;
    for (int64_t k = 0; k < kWidth; ++k) to[k] = k < count ? from[j + k] : T(0);
  }
}

template <class T>
void deal(int64_t size, int step, int width, const T* from, T* to, int64_t pitch) {
  if (width == kStripPitch) return deal_of<T, kStripPitch>(size, step, from, to, pitch);
  return deal_of<T, kPanel * kLanes<T>>(size, step, from, to, pitch);
}

template <class T>
inline V<T> picked(V<T> a, V<T> b, U<T> which) {
#if defined(__clang__)
  V<T> y;
  for (int k = 0; k < kLanes<T>; ++k) {
    const int from = int(which[k]);
    y[k] = from < kLanes<T> ? a[from] : b[from - kLanes<T>];
  }
  return y;
#else
  return __builtin_shuffle(a, b, which);
#endif
}

// Exchanges blocks of 1, 2, 4 .. columns between rows that lie as far apart.
template <class T, int kApart>
inline void exchange(V<T>* rows) {
  if constexpr (kApart < kLanes<T>) {
    U<T> low{}, high{};
    for (int j = 0; j < kLanes<T>; ++j) {
      low[j] = Word<T>(j & kApart ? kLanes<T> + j - kApart : j);
      high[j] = Word<T>(j & kApart ? kLanes<T> + j : j + kApart);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes<T>; ++i) {
      if (i & kApart) continue;
      const V<T> a = rows[i], b = rows[i + kApart];
      rows[i] = picked<T>(a, b, low);
      rows[i + kApart] = picked<T>(a, b, high);
    }
    exchange<T, 2 * kApart>(rows);
  }
}

template <class T>
void transpose(int64_t count, int64_t depth, const T* from, int64_t stride, T* to, int64_t pitch) {
  constexpr int kSize = kLanes<T>;
  for (int64_t d = 0; d < depth; d += kSize, to += kSize * pitch) {
    const int64_t width = depth - d < kSize ? depth - d : kSize;
    V<T> rows[kSize];
    if (count == kSize && width == kSize) {
#pragma GCC unroll 16
      for (int u = 0; u < kSize; ++u) rows[u] = load(from + u * stride + d);
    } else {
      for (int u = 0; u < kSize; ++u)
        rows[u] = u < count ? load_part(from + u * stride + d, width) : V<T>{};
    }
    exchange<T, 1>(rows);
    if (width == kSize) {
#pragma GCC unroll 16
      for (int k = 0; k < kSize; ++k) put(to + k * pitch, rows[k]);
    } else {
      for (int k = 0; k < width; ++k) put(to + k * pitch, rows[k]);
    }
  }
}

template <class T>
void add(int64_t size, const T* a, T* target) {
  for (int64_t u = 0; u < size; ++u) target[u] += a[u];
}

template <class T>
void unary_of_numbers(Op op, int64_t size, const T* a, T* target) {
  T in[kLanes<T>] = {}, out[kLanes<T>] = {};
  Tile<T> tile{1, 0, 0, 0, kLanes<T>, kLanes<T>, nullptr, 0, nullptr, nullptr};
  TileOp<T> instruction{nullptr, op, 1, {out, nullptr, false, false}, {{in, nullptr, false, false}}, 0, 0, false};
  resolve(instruction);
  for (int64_t u = 0; u < size; u += kLanes<T>) {
    const int64_t count = size - u < kLanes<T> ? size - u : kLanes<T>;
    memcpy(in, a + u, count * sizeof(T));
    instruction.run(instruction, tile);
    memcpy(target + u, out, count * sizeof(T));
  }
}

template <class T>
constexpr Kernels<T> table(const char* name) {
  return Kernels<T>{name,     kLanes<T>, kPanel,       product<T>, resolve<T>, run<T>,
                    norm<T>,  outer<T>,  deal<T>,      transpose<T>, add<T>, unary_of_numbers<T>};
}

#define OSTINATO_TEXT(x) #x
#define OSTINATO_NAME(x) OSTINATO_TEXT(x)

}  // namespace

extern const Kernels<float> kFloat;
extern const Kernels<double> kDouble;
const Kernels<float> kFloat = table<float>(OSTINATO_NAME(OSTINATO_ISA));
const Kernels<double> kDouble = table<double>(OSTINATO_NAME(OSTINATO_ISA));

}  // namespace OSTINATO_ISA
}  // namespace ostinato
