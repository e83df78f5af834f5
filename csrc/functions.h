// Vectors and elementary functions on them, for one instruction set.
//
// Included by kernels.cpp alone, inside OSTINATO_ISA's namespace: no function compiled for a large
// instruction set may be shared with code that must run on a small one.
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

namespace ostinato {
namespace OSTINATO_ISA {
namespace {

template <class T>
struct Types;
template <>
struct Types<float> {
  typedef float V __attribute__((vector_size(OSTINATO_BYTES)));
  typedef int32_t I __attribute__((vector_size(OSTINATO_BYTES)));
  using Word = int32_t;
};
template <>
struct Types<double> {
  typedef double V __attribute__((vector_size(OSTINATO_BYTES)));
  typedef int64_t I __attribute__((vector_size(OSTINATO_BYTES)));
  using Word = int64_t;
};

template <class T>
using V = typename Types<T>::V;
template <class T>
using I = typename Types<T>::I;

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
inline I<T> bits(V<T> v) {
  return (I<T>)v;
}

// Elementary functions. Polynomials: near-minimax fits on the reduced interval, made by
// tools/polynomials.py; the error of each function is measured by the tests.

template <class T>
struct Exp;
template <>
struct Exp<float> {
  static constexpr float high = 0.693145751953125f, low = 1.42860682030941723212e-6f;
  static constexpr float log2e = 1.44269504088896341f;
  static constexpr float most = 88.72283935546875f, least = -103.9720840454f;
  static constexpr float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  static constexpr int bias = 127, mantissa = 23;
  static inline V<float> poly(V<float> r) {
    V<float> p = splat(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return p * r * r + r;
  }
};
template <>
struct Exp<double> {
  static constexpr double high = 6.93145751953125e-1, low = 1.42860682030941723212e-6;
  static constexpr double log2e = 1.4426950408889634;
  static constexpr double most = 709.782712893384, least = -745.1332191019412;
  static constexpr double magic = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr int bias = 1023, mantissa = 52;
  static inline V<double> poly(V<double> r) {
    // Taylor to the 13th power: |r| <= log(2) / 2, so the rest is below 2^-57.
    V<double> p = splat(1.0 / 6227020800.0);
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    return p * r * r + r;
  }
};

template <class T>
inline V<T> power_of_two(I<T> n) {
  return (V<T>)((n + Exp<T>::bias) << Exp<T>::mantissa);
}

// exp(x) = 2^n (1 + p(r)); returns 1 + p(r) and n. x must be finite and in range.
template <class T>
inline V<T> reduced_exp(V<T> x, I<T>* n, V<T>* minus_one = nullptr) {
  using E = Exp<T>;
  V<T> shifted = x * E::log2e + E::magic;
  V<T> rounded = shifted - E::magic;
  *n = bits<T>(shifted) - bits<T>(splat(E::magic));
  V<T> r = x - rounded * E::high;
  r = r - rounded * E::low;
  V<T> p = E::poly(r);
  if (minus_one) *minus_one = p;
  return p + T(1);
}

template <class T>
inline V<T> v_exp(V<T> x) {
  using E = Exp<T>;
  V<T> inside = x > E::most ? splat(E::most) : x;
  inside = inside < E::least ? splat(E::least) : inside;
  I<T> n;
  V<T> m = reduced_exp<T>(inside, &n);
  I<T> half = n >> 1;  // two factors, so that neither overflows where the product does not
  V<T> y = m * power_of_two<T>(half) * power_of_two<T>(n - half);
  y = x > E::most ? splat(T(HUGE_VAL)) : y;
  y = x < E::least ? V<T>{} : y;
  return x != x ? x : y;
}

// For -|x| only: no overflow, and below the normal range 0 is near enough for what adds 1 to it.
template <class T>
inline V<T> exp_of_negative(V<T> x) {
  using E = Exp<T>;
  constexpr T smallest = T(-(E::bias - 2) * 0.6931471805599453);
  V<T> inside = x < smallest ? splat(smallest) : x;
  I<T> n;
  V<T> m = reduced_exp<T>(inside, &n);
  return m * power_of_two<T>(n);
}

template <class T>
inline V<T> v_abs(V<T> x) {
  constexpr typename Types<T>::Word mask =
      sizeof(T) == 4 ? typename Types<T>::Word(0x7fffffff)
                     : typename Types<T>::Word(0x7fffffffffffffffLL);
  return (V<T>)(bits<T>(x) & mask);
}

template <class T>
inline V<T> with_sign_of(V<T> magnitude, V<T> x) {
  constexpr typename Types<T>::Word mask =
      sizeof(T) == 4 ? typename Types<T>::Word(0x80000000u)
                     : typename Types<T>::Word(0x8000000000000000ULL);
  return (V<T>)((bits<T>(x) & mask) | bits<T>(magnitude));
}

template <class T>
inline V<T> v_sigmoid(V<T> x) {
  V<T> e = v_exp<T>(-v_abs<T>(x));
  V<T> top = x < T(0) ? e : splat(T(1));
  V<T> y = top / (e + T(1));
  return x != x ? x : y;
}

// tanh(x) = (1 - e) / (1 + e) with e = exp(-2|x|), and 1 - e without cancellation: exp2m1.
template <class T>
inline V<T> v_tanh(V<T> x) {
  V<T> a = v_abs<T>(x);
  constexpr T limit = sizeof(T) == 4 ? T(9.1) : T(19.1);
  V<T> inside = a > limit ? splat(limit) : a;
  I<T> n;
  V<T> p;
  reduced_exp<T>(inside * T(-2), &n, &p);
  V<T> scale = power_of_two<T>(n);
  V<T> minus_one = scale * p + (scale - T(1));  // exp(-2|x|) - 1
  V<T> y = -minus_one / (minus_one + T(2));
  y = a > limit ? splat(T(1)) : y;
  y = with_sign_of<T>(y, x);
  return x != x ? x : y;
}

template <class T>
struct Log;
template <>
struct Log<float> {
  static constexpr int32_t half_root = 0x3f3504f3;  // bits of sqrt(1/2)
  // log(1 + f) - f + f^2/2, over f^3
  static inline V<float> poly(V<float> f) {
    V<float> p = splat(7.0376836292e-2f);
    p = p * f + -1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f + -1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f + -1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f + -2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    return p;
  }
};
template <>
struct Log<double> {
  static constexpr int64_t half_root = 0x3fe6a09e667f3bcdLL;
};

template <class T>
inline V<T> log_of_ratio(V<T> f);  // log(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)]
template <>
inline V<float> log_of_ratio<float>(V<float> f) {
  V<float> z = f * f;
  return f + (f * z * Log<float>::poly(f) - 0.5f * z);
}
template <>
inline V<double> log_of_ratio<double>(V<double> f) {
  // 2 atanh(s) with s = f / (2 + f), |s| < 0.172: terms to s^21 (the next is below 2^-60).
  V<double> s = f / (f + 2.0);
  V<double> z = s * s;
  V<double> p = splat(1.0 / 21);
  p = p * z + 1.0 / 19;
  p = p * z + 1.0 / 17;
  p = p * z + 1.0 / 15;
  p = p * z + 1.0 / 13;
  p = p * z + 1.0 / 11;
  p = p * z + 1.0 / 9;
  p = p * z + 1.0 / 7;
  p = p * z + 1.0 / 5;
  p = p * z + 1.0 / 3;
  // 2 s = f - s f, so that the large part f stays exact.
  return f - s * (f - 2.0 * z * p);
}

// log(x + rest), where rest is a correction below half an ulp of x; x > 0 and finite.
template <class T>
inline V<T> log_of_normal(V<T> x, V<T> rest) {
  I<T> word = bits<T>(x);
  I<T> n = (word - Log<T>::half_root) >> Exp<T>::mantissa;
  V<T> m = (V<T>)(word - (n << Exp<T>::mantissa));
  V<T> scale = power_of_two<T>(-n);
  V<T> f = (m - T(1)) + rest * scale;
  V<T> e = __builtin_convertvector(n, V<T>);
  return e * Exp<T>::high + (log_of_ratio<T>(f) + e * Exp<T>::low);
}

template <class T>
inline V<T> v_log(V<T> x) {
  constexpr T tiny = sizeof(T) == 4 ? T(1.17549435e-38) : T(2.2250738585072014e-308);
  constexpr T up = sizeof(T) == 4 ? T(16777216.0) : T(18014398509481984.0);  // 2^24, 2^54
  constexpr T lift = sizeof(T) == 4 ? T(24) : T(54);
  V<T> raised = x < tiny ? x * up : x;
  V<T> y = log_of_normal<T>(raised, V<T>{});
  V<T> less = x < tiny ? splat(lift) : V<T>{};
  y = (y - less * Exp<T>::low) - less * Exp<T>::high;
  y = x == T(HUGE_VAL) ? x : y;
  y = x == T(0) ? splat(T(-HUGE_VAL)) : y;
  y = x < T(0) ? splat(T(NAN)) : y;
  return x != x ? x : y;
}

// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))
template <class T>
inline V<T> v_softplus(V<T> x) {
  V<T> e = v_exp<T>(-v_abs<T>(x));
  V<T> sum = e + T(1);
  V<T> rest = e - (sum - T(1));
  V<T> y = log_of_normal<T>(sum, rest);
  constexpr T small = sizeof(T) == 4 ? T(1e-8) : T(1e-17);
  y = e < small ? e : y;
  V<T> top = x > T(0) ? x : V<T>{};
  y = top + y;
  y = x == T(HUGE_VAL) ? x : y;
  return x != x ? x : y;
}

template <class T, class F>
inline V<T> lane_by_lane(V<T> x, F f) {
  V<T> y;
  for (int k = 0; k < kLanes<T>; ++k) y[k] = f(x[k]);
  return y;
}

inline float c_erf(float x) { return erff(x); }
inline double c_erf(double x) { return erf(x); }
inline float c_pow(float x, float y) { return powf(x, y); }
inline double c_pow(double x, double y) { return pow(x, y); }
inline float c_sqrt(float x) { return __builtin_sqrtf(x); }
inline double c_sqrt(double x) { return __builtin_sqrt(x); }

template <class T>
inline V<T> cumulative(V<T> x) {  // of the normal distribution
  return (lane_by_lane<T>(x * T(0.70710678118654752), [](T a) { return c_erf(a); }) + T(1)) * T(0.5);
}

}  // namespace
}  // namespace OSTINATO_ISA
}  // namespace ostinato
