// A plan: what one call of a program does, as plain numbers.
//
// Made by src/ostinato/engines/native/lower.py, read and checked by plan.cpp. Sizes of dimensions
// are part of it; the number of steps T and of rows B belong to a call.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace ostinato {

// A mistake in a plan or a call: the message says what was got and what was expected.
struct PlanError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class ArrayKind : int64_t {
  constant,  // one number of the plan
  vector,    // [n]: one row for every row; n = 1 for a scalar
  rows,      // [B, n]
  stream,    // [T, B, n]
  shift,     // a stream at the step before; `initial` before the first step
  local,     // [B, n] of this step: two of them in a loop, one a chunk elsewhere
  matrix,    // [n, columns]
};

// Where a value lives. `external` is the caller's buffer, or -1 where the engine allocates.
struct Array {
  ArrayKind kind;
  int64_t size;      // n
  int64_t columns;   // of a matrix
  int64_t external;  // index of the caller's buffer
  int64_t of;        // shift: the stream (in a loop: or local array) that it delays
  int64_t initial;   // shift: its value before the first step, an array of rows or a vector
  bool reverse;      // shift: the step before t is t + 1
  double number;     // constant
};

// In the order of `OPERATIONS` in lower.py.
enum class Op : int64_t {
  add,
  sub,
  mul,
  div,
  pow,
  neg,
  sigmoid,
  tanh,
  relu,
  softplus,
  silu,
  gelu,
  exp,
  log,
  sqrt,
  abs,
  sign,
  minimum,
  maximum,
  select,
  exceeds,
  gelu_grad,
  fma,     // a * b + c
  fnma,    // c - a * b
  copy,    // a slot from an array
  store,   // an array from a slot
  random,  // a slot of zeros and ones
  num_ops,
};

enum class NormOp : int64_t {
  layer_norm,
  rms_norm,
  layer_norm_grad,
  rms_norm_grad,
  total,
  num_ops,
};

// A slot of the tile (>= 0), or array -1 - index; `splat`: one number a row.
struct Operand {
  int64_t index = 0;
  bool splat = false;
  bool is_slot() const { return index >= 0; }
  int64_t array() const { return -1 - index; }
};

struct Instruction {
  Op op;
  Operand target;
  Operand args[3];
  int64_t num_args;
  int64_t random;  // which mask
};

struct Random {
  int64_t stream;
  double probability;
  bool per_step;
};

// One matrix of a product: rows and columns of a block of an array, maybe transposed.
struct Block {
  int64_t matrix;
  int64_t first_column;
  bool transposed;
};

// Products that read the same operands: slot g gets start[g], or 0, and the sum over k of
// block[g][k] @ operand[k].
struct ProductGroup {
  std::vector<int64_t> operands;  // arrays
  std::vector<int64_t> widths;    // their sizes
  std::vector<int64_t> slots;     // of the tile
  std::vector<int64_t> starts;    // arrays, or -1
  std::vector<std::vector<Block>> blocks;
};

// Everything that a phase computes for one dimension.
struct TileProgram {
  int64_t size;  // n of the dimension
  int64_t num_slots;
  std::vector<ProductGroup> groups;
  std::vector<Instruction> instructions;
};

struct Norm {
  NormOp op;
  int64_t target;  // array
  std::vector<int64_t> args;
};

struct Phase {
  bool waits;  // reads what other threads wrote in this step or the step before
  std::vector<Norm> norms;
  std::vector<TileProgram> programs;
};

enum class SectionKind : int64_t { fixed, rows, flat, loop };

struct LoopState {
  int64_t shift;  // the array that reads it
  int64_t final;  // the array [B, n] that gets its value after the last step, or -1
};

struct Section {
  SectionKind kind;
  bool reverse;
  std::vector<LoopState> states;
  std::vector<Phase> phases;
};

// The gradient of one block of a parameter: the sum over steps and rows of delta ⊗ operand.
struct Reduction {
  int64_t target;   // a matrix, or a vector
  int64_t delta;    // an array
  int64_t operand;  // an array; -1: the plain sum
  int64_t first_column;
};

struct Plan {
  std::vector<Array> arrays;
  std::vector<Random> randoms;
  std::vector<Section> sections;
  std::vector<Reduction> reductions;
  int64_t num_externals = 0;
};

// Reads a plan and checks every index and size in it.
Plan parse_plan(const int64_t* words, size_t num_words, const double* numbers, size_t num_numbers);

}  // namespace ostinato
