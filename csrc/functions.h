// Vectors and elementary functions on them, for one instruction set.
//
// Included by kernels.cpp alone, inside OSTINATO_ISA's namespace: no function compiled for a large
// instruction set may be shared with code that must run on a small one.
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace ostinato {
namespace OSTINATO_ISA {
namespace {

template <class T>
struct Types;
template <>
struct Types<float> {
  typedef float V __attribute__((vector_size(OSTINATO_BYTES)));
  typedef uint32_t U __attribute__((vector_size(OSTINATO_BYTES)));
  using Word = uint32_t;
};
template <>
struct Types<double> {
  typedef double V __attribute__((vector_size(OSTINATO_BYTES)));
  typedef uint64_t U __attribute__((vector_size(OSTINATO_BYTES)));
  using Word = uint64_t;
};

template <class T>
using V = typename Types<T>::V;
template <class T>
using U = typename Types<T>::U;
template <class T>
using Word = typename Types<T>::Word;

template <class T>
constexpr int kLanes = OSTINATO_BYTES / sizeof(T);

template <class T>
inline V<T> load(const T* p) {
  V<T> v;
  memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
inline void put(T* p, V<T> v) {
  memcpy(p, &v, sizeof v);
}
template <class T>
inline V<T> splat(T x) {
  return x - V<T>{};
}
template <class T>
inline V<T> load_part(const T* p, int64_t count) {
  V<T> v{};
  memcpy(&v, p, count * sizeof(T));
  return v;
}
template <class T>
inline U<T> bits(V<T> v) {
  return (U<T>)v;
}

// Elementary functions. Errors are in ulps of the exact result (below 2.5, a result is at most 2
// from the correctly rounded one), for every x, subnormal x and subnormal results included; the
// tests measure them. "Found" are the largest of the three instruction sets: in every 17th float and
// all of the worst places, in 10^7 doubles and as many in the worst places.
//
//                found in float   in double   stated
//   sqrt              0.5            0.5      0.5, correctly rounded
//   log               0.85           1.28     2
//   exp               1.06           0.99     2
//   softplus          1.65           1.74     2
//   tanh              2.00           2.14     2.5; tanh(-x) = -tanh(x)
//   sigmoid           2.45           2.50     2.5
//   silu              2.87           3.01     4, where the sigmoid is a normal number
//   gelu              6.41           5.92     8
//   gelu_grad      2^-22.5        2^-51.6     2^-22, 2^-51: absolute
//
// The first six are monotone: in all pairs of neighbouring floats, and in 10^7 of doubles, among
// them all around the breakpoints. They, gelu and gelu_grad have their limits at infinities; NaN
// stays NaN. silu(-inf) is -inf * 0, NaN, as torch has it.

// Polynomials, printed by tools/polynomials.py.

// exp(x) = 1 + x + x^2 P(x)
// for x in [-0.34657, 0.34657]; relative error 2^-25.82
constexpr float kExpFloat[] = {
    0.49999997f, 0.16666543f, 0.0416672f,
    0.008366514f, 0.001388244f};

// log(1 + x) = x - x^2 / 2 + x^3 P(x)
// for x in [-0.29289, 0.5]; relative error 2^-28.18
constexpr float kLogFloat[] = {
    0.3333332f, -0.2500027f, 0.20001787f,
    -0.16654027f, 0.14216062f, -0.12636861f,
    0.12129688f, -0.104567364f, 0.04806245f};

// normal_tail(t) = exp(-t^2 / 2) u P(x), x = u - middle, u = 4 / (t + 4)
// for x in [-0.39104, 0.39844]; relative error 2^-24.82
constexpr float kTailFloat[] = {
    0.22410142f, 0.39516982f, 0.51628256f,
    0.47605807f, 0.26178852f, 0.015945299f,
    -0.08769385f, -0.03442614f, 0.031300593f,
    0.016352367f, -0.011535219f};
constexpr float kTailMiddleFloat = 0.6015625f;

// exp(x) = 1 + x + x^2 P(x)
// for x in [-0.34657, 0.34657]; relative error 2^-59.53
constexpr double kExpDouble[] = {
    0.5, 0.16666666666666677, 0.041666666666666505,
    0.008333333333321702, 0.0013888888888962778, 0.0001984126988593751,
    2.4801587171776528e-05, 2.7557244405509313e-06, 2.755740328711426e-07,
    2.5108967190698314e-08, 2.0875130324058635e-09};

// log((1 + s) / (1 - s)) = 2 s + s x P(x), x = s^2
// for x in [0.0, 0.04]; relative error 2^-61.46
constexpr double kLogDouble[] = {
    0.666666666666666, 0.4000000000005594, 0.2857142855600785,
    0.22222224276149297, 0.18181667090365286, 0.1539107240500625,
    0.13174261731133627, 0.13838570478628578};

// normal_tail(t) = exp(-t^2 / 2) u P(x), x = u - middle, u = 4 / (t + 4)
// for x in [-0.45597, 0.45313]; relative error 2^-53.45
constexpr double kTailDouble[] = {
    0.20395910557973604, 0.3428023879143449, 0.4428395012416079,
    0.41954319984035526, 0.25370475804458853, 0.042321992446460274,
    -0.07202006823445684, -0.04668045088255147, 0.02066423772113684,
    0.02723348148123159, -0.009320870281876541, -0.0156501784045372,
    0.007259562098988594, 0.008805315580902943, -0.007020114649042475,
    -0.003997962211748502, 0.006568543711065247, 0.00026715528291277647,
    -0.005275001840428396, 0.002244439854404442, 0.0032697118333758135,
    -0.002851445607934613, -0.0013447199724107553, 0.0014938138481069506,
    0.0002822917081477941};
constexpr double kTailMiddleDouble = 0.546875;

template <class T>
struct Format;
template <>
struct Format<float> {
  static constexpr int bias = 127, mantissa = 23;
  static constexpr float smallest_normal = 1.17549435e-38f;
  static constexpr float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  static constexpr uint32_t magic_bits = 0x4b400000, sign = 0x80000000;
  static constexpr uint32_t upper_half = 0xfffff000;  // of the 24 bits, the 12 that square exactly
  static constexpr uint32_t half_root = 0x3f3504f3;   // sqrt(1/2)
  // exp(most) overflows, exp(-least) is 0, exp(-vanishing) is lost beside 1.
  static constexpr float most = 89.0f, least = 104.0f, vanishing = 20.0f, tail = 15.0f;
};
template <>
struct Format<double> {
  static constexpr int bias = 1023, mantissa = 52;
  static constexpr double smallest_normal = 2.2250738585072014e-308;
  static constexpr double magic = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr uint64_t magic_bits = 0x4338000000000000, sign = 0x8000000000000000;
  static constexpr uint64_t upper_half = 0xfffffffff8000000;
  static constexpr uint64_t half_root = 0x3fe6a09e667f3bcd;
  static constexpr double most = 710.0, least = 746.0, vanishing = 40.0, tail = 40.0;
};

// log(2) in two parts: the product of the first, 16 bits long, with an exponent is exact.
template <class T>
constexpr T kLog2High = T(0x1.62e4p-1);
template <class T>
constexpr T kLog2Low = T(0x1.7f7d1cf79abcap-20);
template <class T>
constexpr T kLog2e = T(0x1.71547652b82fep+0);

// One instruction on x86: GCC makes a comparison and a blend of the general form. A NaN in b stays.
// (Masked, since GCC 12 warns of its own header where there is no mask.)
#if defined(__AVX512F__)
inline V<float> lesser(V<float> a, V<float> b) { return _mm512_maskz_min_ps(0xffff, a, b); }
inline V<float> greater(V<float> a, V<float> b) { return _mm512_maskz_max_ps(0xffff, a, b); }
inline V<double> lesser(V<double> a, V<double> b) { return _mm512_maskz_min_pd(0xff, a, b); }
inline V<double> greater(V<double> a, V<double> b) { return _mm512_maskz_max_pd(0xff, a, b); }
#elif defined(__AVX__)
inline V<float> lesser(V<float> a, V<float> b) { return _mm256_min_ps(a, b); }
inline V<float> greater(V<float> a, V<float> b) { return _mm256_max_ps(a, b); }
inline V<double> lesser(V<double> a, V<double> b) { return _mm256_min_pd(a, b); }
inline V<double> greater(V<double> a, V<double> b) { return _mm256_max_pd(a, b); }
#elif defined(__SSE2__)
inline V<float> lesser(V<float> a, V<float> b) { return _mm_min_ps(a, b); }
inline V<float> greater(V<float> a, V<float> b) { return _mm_max_ps(a, b); }
inline V<double> lesser(V<double> a, V<double> b) { return _mm_min_pd(a, b); }
inline V<double> greater(V<double> a, V<double> b) { return _mm_max_pd(a, b); }
#else
template <class Vector>
inline Vector lesser(Vector a, Vector b) { return a < b ? a : b; }
template <class Vector>
inline Vector greater(Vector a, Vector b) { return a > b ? a : b; }
#endif

template <class T>
inline V<T> at_most(V<T> x, T limit) { return lesser(splat(limit), x); }
template <class T>
inline V<T> at_least(V<T> x, T limit) { return greater(splat(limit), x); }

template <class T>
inline V<T> v_abs(V<T> x) {
  return (V<T>)(bits<T>(x) & ~Format<T>::sign);
}

// scale (c[i] + c[i + 1] (k x) + c[i + 2] (k x)^2 + ...), where k and scale are powers of two: Horner's
// rule in x^2 on pairs has as many operations as in x, and half the latency.
template <class T, int k, int i, int N>
inline V<T> terms(const T (&c)[N], T scale, V<T> x, V<T> square) {
  if constexpr (i == N - 1) {
    return splat(c[i] * scale);
  } else {
    V<T> pair = x * (c[i + 1] * scale * k) + c[i] * scale;
    if constexpr (i + 2 < N) pair += square * terms<T, k, i + 2>(c, scale * k * k, x, square);
    return pair;
  }
}

template <class T>
struct Coefficients;
template <>
struct Coefficients<float> {
  static constexpr auto& exp = kExpFloat;
  static constexpr auto& tail = kTailFloat;
  static constexpr float tail_middle = kTailMiddleFloat;
};
template <>
struct Coefficients<double> {
  static constexpr auto& exp = kExpDouble;
  static constexpr auto& tail = kTailDouble;
  static constexpr double tail_middle = kTailMiddleDouble;
};

// exp(k x) = 2^n (1 + k part), for k = 1, -1 or -2. The lower bits of `word` are n + offset.
template <class T>
struct Reduced {
  V<T> part;
  U<T> word;
};

// exp(k (x - less)), x in range and `less` small beside it.
template <class T, int k>
inline Reduced<T> reduced_exp(V<T> x, int offset, V<T> less = V<T>{}) {
  const T magic = Format<T>::magic + T(offset);
  V<T> shifted = (x - less) * (kLog2e<T> * k) + magic;
  V<T> n = shifted - magic;
  V<T> r = ((x - n * (kLog2High<T> / k)) - n * (kLog2Low<T> / k)) - less;
  V<T> square = r * r;
  V<T> poly = terms<T, k, 0>(Coefficients<T>::exp, T(k), r, square);
  return {square * poly + r, bits<T>(shifted)};
}

// 2^m, where the lower bits of `word` are m + bias. What stands above them is shifted out.
template <class T>
inline V<T> power_of_two(U<T> word) {
  return (V<T>)(word << Format<T>::mantissa);
}

// x 2^n, where the lower bits of `word` are n + 2 bias: two factors, so that the result may
// overflow and may be subnormal.
template <class T>
inline V<T> scaled(V<T> x, U<T> word) {
  U<T> half = word >> 1;
  return x * power_of_two<T>(half) * power_of_two<T>(word - half);
}

template <class T>
inline V<T> v_exp(V<T> x) {
  using F = Format<T>;
  Reduced<T> e = reduced_exp<T, 1>(at_least<T>(at_most<T>(x, F::most), -F::least), 2 * F::bias);
  return scaled<T>(e.part + T(1), e.word);
}

// s / (s + s exp(-x)): with the right power of two for s nothing overflows, and the division rounds
// to the subnormal results.
template <class T>
inline V<T> v_sigmoid(V<T> x) {
  using F = Format<T>;
  constexpr int shift = F::bias / 2 + 1;
  constexpr T s = sizeof(T) == 4 ? T(0x1p-64) : T(0x1p-512);
  V<T> inside = at_most<T>(at_least<T>(x, -F::least), F::vanishing);
  Reduced<T> e = reduced_exp<T, -1>(inside, F::bias - shift);
  V<T> scale = power_of_two<T>(e.word);
  return s / ((scale + s) - scale * e.part);
}

// (1 - e) / (1 + e) with e = exp(-2 |x|) = scale / 2 - scale part. Both sums round once and are
// monotone, so the quotient is.
template <class T>
inline V<T> v_tanh(V<T> x) {
  using F = Format<T>;
  V<T> inside = at_most<T>(v_abs<T>(x), F::vanishing);
  Reduced<T> e = reduced_exp<T, -2>(inside, F::bias + 1);
  V<T> scale = power_of_two<T>(e.word);
  V<T> top = scale * e.part + (T(1) - scale * T(0.5));
  V<T> bottom = (T(1) + scale * T(0.5)) - scale * e.part;
  return (V<T>)(bits<T>(top / bottom) | (bits<T>(x) & F::sign));
}

// log(1 + f) for 1 + f in [sqrt(1/2), 3/2]
template <class T>
inline V<T> log_of_ratio(V<T> f);
template <>
inline V<float> log_of_ratio<float>(V<float> f) {
  V<float> z = f * f;
  return f + (f * z * terms<float, 1, 0>(kLogFloat, 1.0f, f, z) - 0.5f * z);
}
template <>
inline V<double> log_of_ratio<double>(V<double> f) {
  // 2 s + s z P(z) with s = f / (2 + f); 2 s = f - s f, so that the large part f stays exact.
  V<double> s = f / (f + 2.0);
  V<double> z = s * s;
  return f - s * (f - z * terms<double, 1, 0>(kLogDouble, 1.0, z, z * z));
}

template <class T>
inline V<T> v_log(V<T> x) {
  using F = Format<T>;
  constexpr int lift = F::mantissa + 1;
  constexpr T up = sizeof(T) == 4 ? T(0x1p24) : T(0x1p53);
  U<T> word = bits<T>(x < F::smallest_normal ? x * up : x);
  // x = m 2^n with m in [sqrt(1/2), sqrt(2)]; this is n + bias.
  U<T> biased = (word + ((Word<T>(F::bias) << F::mantissa) - F::half_root)) >> F::mantissa;
  V<T> m = (V<T>)(word - (biased << F::mantissa) + (Word<T>(F::bias) << F::mantissa));
  V<T> n = (V<T>)(biased + F::magic_bits) - (F::magic + T(F::bias));
  n -= x < F::smallest_normal ? splat(T(lift)) : V<T>{};
  V<T> y = n * kLog2High<T> + (log_of_ratio<T>(m - T(1)) + n * kLog2Low<T>);
  y = x > T(0) ? y : splat(T(NAN));
  y = x == T(0) ? splat(T(-HUGE_VAL)) : y;
  return x == T(HUGE_VAL) ? x : y;
}

// log(1 + exp(x)) = log(2) + log(1 + (exp(x) - 1) / 2) for |x| <= log(2), else
// max(x, 0) + log(1 + exp(-|x|)). Near 0 the second form would not be monotone: what it adds to x
// falls in steps larger than those of x.
template <class T>
inline V<T> v_softplus(V<T> x) {
  using F = Format<T>;
  constexpr T log2 = T(0x1.62e42fefa39efp-1);
  V<T> distance = v_abs<T>(x);
  V<T> argument = distance > log2 ? -at_most<T>(distance, F::least) : x;
  Reduced<T> e = reduced_exp<T, 1>(argument, 2 * F::bias);
  V<T> scale = power_of_two<T>(e.word - Word<T>(F::bias));
  V<T> near = (scale * e.part + (scale - T(1))) * T(0.5);
  V<T> f = distance > log2 ? scaled<T>(e.part + T(1), e.word) : near;
  V<T> large = distance > log2 ? at_least<T>(x, T(0)) : splat(kLog2High<T>);
  V<T> small = distance > log2 ? V<T>{} : splat(kLog2Low<T>);
  return large + (log_of_ratio<T>(f) + small);
}

// The tail of the normal distribution beyond t is `density` times `ratio`.
template <class T>
struct NormalTail {
  V<T> t, density, ratio;
};

// For t = |x|, but no larger than where density is 0.
template <class T>
inline NormalTail<T> normal_tail(V<T> x) {
  using F = Format<T>;
  V<T> t = at_most<T>(v_abs<T>(x), F::tail);
  // t^2 = head^2 + (t - head) (t + head), the first exactly: exp multiplies its errors by t^2.
  V<T> head = (V<T>)(bits<T>(t) & F::upper_half);
  Reduced<T> e = reduced_exp<T, -1>(head * head * T(0.5), 2 * F::bias,
                                    (head - t) * (head + t) * T(0.5));
  V<T> u = T(4) / (t + T(4));
  u += u * ((T(1) - u) - u * t * T(0.25));  // what the rounding of t + 4 lost
  V<T> centred = u - Coefficients<T>::tail_middle;
  V<T> ratio = u * terms<T, 1, 0>(Coefficients<T>::tail, T(1), centred, centred * centred);
  return {t, scaled<T>(T(1) - e.part, e.word), ratio};
}

// x Phi(x) = max(x, 0) - |x| tail(|x|): no cancellation for x < 0.
template <class T>
inline V<T> v_gelu(V<T> x) {
  NormalTail<T> tail = normal_tail<T>(x);
  return at_least<T>(x, T(-0.0)) - tail.t * tail.ratio * tail.density;
}

// Phi(x) + x phi(x)
template <class T>
inline V<T> v_gelu_grad(V<T> x) {
  NormalTail<T> tail = normal_tail<T>(x);
  constexpr T root = T(0.39894228040143267794);  // 1 / sqrt(2 pi)
  V<T> below = tail.density * (tail.ratio - tail.t * root);
  return x < T(0) ? below : T(1) - below;
}

inline float c_pow(float x, float y) { return powf(x, y); }
inline double c_pow(double x, double y) { return pow(x, y); }
inline float c_sqrt(float x) { return __builtin_sqrtf(x); }
inline double c_sqrt(double x) { return __builtin_sqrt(x); }

// Compilers make one instruction of the loop.
template <class T>
inline V<T> v_sqrt(V<T> x) {
  V<T> y;
  for (int k = 0; k < kLanes<T>; ++k) y[k] = c_sqrt(x[k]);
  return y;
}

}  // namespace
}  // namespace OSTINATO_ISA
}  // namespace ostinato
