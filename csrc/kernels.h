// The inner loops, compiled once for each instruction set and chosen when the engine is loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "plan.h"

namespace ostinato {

// An operand of a product: `depth` numbers of every row.
template <class T>
struct Segment {
  const T* const* rows;
  int64_t depth;
};

// One product of a panel of weights: target[j][r * stride ..] is, or with `adds` grows by, the sum
// over the segments and their units k of rows[r][k] * panel[k][j], for the vectors j of `count` rows.
// With `starts` vector j of row r starts from starts[j][r][starts_at[j] ..] instead.
template <class T>
struct Product {
  int count;
  int64_t first_row;  // of `count`, in the tables of rows
  const Segment<T>* segments;
  int num_segments;
  int64_t depth;  // of all segments
  const T* panel;
  T* const* target;
  int64_t stride;
  bool adds;
  const T* const* const* starts;
  const int64_t* starts_at;
  const T* next;  // weights that are wanted soon
};

// An argument of an instruction. A slot has stride `tile.stride` from row to row; one that `moves`
// holds all rows of the tile's program, the others those of the tile. An array has a pointer for
// every row. `splat`: one number for all units of a row.
template <class T>
struct Source {
  const T* slot;
  T* const* rows;
  bool splat;
  bool moves;
};

template <class T>
struct Tile;

template <class T>
struct TileOp {
  void (*run)(const TileOp& op, const Tile<T>& tile);  // see Kernels::resolve
  Op op;
  int num_args;
  Source<T> target;
  Source<T> args[3];
  uint32_t threshold;  // random: the chance of a one, of 2^32
  uint32_t stream;
  bool per_step;  // random: other numbers at every step
};

template <class T>
struct Tile {
  int rows;
  int64_t first_row;    // of the tile in the tables of rows
  int64_t first_slot_row;  // of the tile in slots that move
  int64_t first_unit;   // of the tile in its dimension: where arrays are read and written
  int64_t num_units;    // <= stride
  int64_t stride;       // of slots: a multiple of the vector length
  T* staging;           // three more slots
  uint64_t seed;
  const uint32_t* row_numbers;   // random: row and step of every row of the tables
  const uint32_t* step_numbers;
};

template <class T>
struct Kernels {
  const char* name;
  int lanes;        // T in a vector
  int panel;        // the most vectors of one panel
  void (*product)(int width, const Product<T>& product);
  // Sets `run` of an instruction from everything else in it.
  void (*resolve)(TileOp<T>& op);
  void (*run)(const TileOp<T>* ops, int num_ops, const Tile<T>& tile);
  // One row of a norm over `size` units, written to units [first, last) of `target`.
  void (*norm)(NormOp op, int64_t size, const T* a, const T* b, T* target, int64_t first, int64_t last);
  // target[i * stride + j] += sum over k of delta[k * kStripPitch + i] * operand[k * panel * lanes + j],
  // for up to kStrip rows and up to panel * lanes columns; the operand is filled up with zeros.
  void (*outer)(int rows, int64_t columns, int64_t depth, const T* delta, const T* operand, T* target,
                int64_t stride);
  // Deals a row out: from[j * step ..] to to[j * pitch ..], `width` numbers each, and zeros past the
  // row's end.
  void (*deal)(int64_t size, int step, int width, const T* from, T* to, int64_t pitch);
  // to[d * pitch + u] = from[u * stride + d] for `depth` d and `count` u, and 0 up to `lanes` u.
  void (*transpose)(int64_t count, int64_t depth, const T* from, int64_t stride, T* to, int64_t pitch);
  void (*add)(int64_t size, const T* a, T* target);
  // For the tests of accuracy: target = op(a), of `size` numbers.
  void (*unary)(Op op, int64_t size, const T* a, T* target);
};

constexpr int kStrip = 6;       // rows of an outer product's tile
constexpr int kStripPitch = 8;  // a strip is read and written as one vector of eight

// The best set that this machine runs; `limit` ("", "baseline", "avx2", "avx512") names one.
template <class T>
const Kernels<T>& kernels(const char* limit);

// The second cache of a core.
int64_t cache_bytes();

// The names of those that this machine runs, best first.
std::vector<std::string> instruction_sets();

}  // namespace ostinato
