#include "run.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>

#include "team.h"

namespace ostinato {
std::atomic<double> thread_work{16384};

namespace {

constexpr int64_t kTileRows = 32;      // of the products that are made at once
constexpr int64_t kFlatTileRows = 48;  // the same outside the loops
constexpr int64_t kTileNumbers = 2048;
constexpr int64_t kStepNumbers = 512;  // of a tile of instructions: its slots stay in the first cache
constexpr int64_t kFlatRows = 192;   // of a chunk outside the loops, which reads the weights once
constexpr int64_t kDepth = 256;      // steps and rows that an outer product packs at once
constexpr int64_t kRowsApart = 12;   // of a thread that shares no row with others
constexpr int kMostSegments = 8;     // of one product in registers
constexpr int64_t kSumRows = 128;    // partial sums keep their precision
constexpr size_t kAlignment = 64;
constexpr size_t kMostBytes = size_t(1) << 40;  // of one call

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Memory that is given back for the next call: fresh pages cost as much as the work on them.
// Nobody waits for it: in the child of a fork its lock may be held by a thread that is not there.
class Memory {
 public:
  struct Block {
    void* data = nullptr;
    size_t bytes = 0;
  };

  Block take(size_t bytes) {
    bytes = size_t(round_up(int64_t(std::max<size_t>(bytes, 1)), 4096));
    const Block found = reuse(bytes);
    if (found.data) return found;
    Block fresh;
    fresh.bytes = bytes;
    fresh.data = std::aligned_alloc(4096, bytes);
    if (!fresh.data) throw std::bad_alloc();
    return fresh;
  }

  void give(Block block) {
    if (!block.data) return;
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (!lock) return std::free(block.data);
    free_.push_back(block);
    if (free_.size() > 8) {
      std::free(free_.front().data);
      free_.erase(free_.begin());
    }
  }

  ~Memory() {
    for (Block& block : free_) std::free(block.data);
  }

 private:
  // The smallest block that fits and is not far too large, or none.
  Block reuse(size_t bytes) {
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (!lock) return Block{};
    size_t best = free_.size();
    for (size_t k = 0; k < free_.size(); ++k)
      if (free_[k].bytes >= bytes && (best == free_.size() || free_[k].bytes < free_[best].bytes))
        best = k;
    if (best == free_.size() || free_[best].bytes > 2 * bytes + (1 << 20)) return Block{};
    const Block found = free_[best];
    free_.erase(free_.begin() + long(best));
    return found;
  }

  std::mutex mutex_;
  std::vector<Block> free_;
};

Memory& memory() {
  static Memory* shared = new Memory;  // outlives every executor
  return *shared;
}

// One block of memory, dealt out in pieces.
class Arena {
 public:
  size_t reserve(size_t bytes) {
    const size_t at = size_;
    size_ += size_t(round_up(int64_t(bytes), kAlignment));
    if (size_ > kMostBytes)
      throw PlanError("a call needs " + std::to_string(size_) + " bytes, expected at most " +
                      std::to_string(kMostBytes));
    return at;
  }
  void allocate() { block_ = memory().take(size_); }
  template <class P>
  P* at(size_t offset) const {
    return reinterpret_cast<P*>(static_cast<char*>(block_.data) + offset);
  }
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { memory().give(block_); }

 private:
  size_t size_ = 0;
  Memory::Block block_;
};

// How the weights of a group lie in memory: [unit block][panel][depth][vectors of the panel].
struct GroupLayout {
  int64_t depth = 0;        // summed over the operands
  int64_t block_numbers = 0;  // of one unit block
  int64_t offset = 0;       // of the group in the pack
};

struct ProgramLayout {
  int64_t number = 0;         // of the program in the plan
  int64_t block_vectors = 1;  // a unit block holds so many vectors of every product
  std::vector<GroupLayout> groups;
};

}  // namespace

template <class T>
struct Executor<T>::Parts {
  Plan plan;
  const Kernels<T>& kernel;
  std::vector<std::vector<std::vector<ProgramLayout>>> layouts;  // section, phase, program
  int64_t pack_numbers = 0, num_programs = 0;

  struct Pack {
    Memory::Block block;
    int64_t key = -1;
    ~Pack() { memory().give(block); }
  };
  std::mutex mutex;
  std::shared_ptr<Pack> pack;

  Parts(Plan given, const char* instruction_set)
      : plan(std::move(given)), kernel(kernels<T>(instruction_set)) {
    for (const Section& section : plan.sections) {
      layouts.emplace_back();
      for (const Phase& phase : section.phases) {
        layouts.back().emplace_back();
        for (const TileProgram& program : phase.programs)
          layouts.back().back().push_back(layout(program));
      }
    }
  }

  ProgramLayout layout(const TileProgram& program) {
    ProgramLayout made;
    made.number = num_programs++;
    int64_t most = 0;
    for (const ProductGroup& group : program.groups)
      most = std::max(most, int64_t(group.slots.size()));
    if (most > 0) made.block_vectors = std::max<int64_t>(1, kernel.panel / most);
    const int64_t unit_block = made.block_vectors * kernel.lanes;
    const int64_t num_blocks = (program.size + unit_block - 1) / unit_block;
    for (const ProductGroup& group : program.groups) {
      GroupLayout g;
      g.depth = std::accumulate(group.widths.begin(), group.widths.end(), int64_t(0));
      g.block_numbers = g.depth * int64_t(group.slots.size()) * unit_block;
      g.offset = pack_numbers;
      pack_numbers += g.block_numbers * num_blocks;
      made.groups.push_back(g);
    }
    return made;
  }

  // Memory for the packed weights of a call: with a key that is known, packed already.
  std::shared_ptr<Pack> take_pack(const Call& call) {
    if (call.weights_key < 0) return fresh_pack();
    // Who finds it locked packs for himself: see Memory.
    const std::unique_lock<std::mutex> lock(mutex, std::try_to_lock);
    if (lock && pack && pack->key == call.weights_key) return pack;
    std::shared_ptr<Pack> fresh = fresh_pack();
    pack_share(call, static_cast<T*>(fresh->block.data), 0, 1);
    fresh->key = call.weights_key;
    if (lock) pack = fresh;
    return fresh;
  }

  std::shared_ptr<Pack> fresh_pack() const {
    auto fresh = std::make_shared<Pack>();
    fresh->block = memory().take(size_t(pack_numbers) * sizeof(T));
    return fresh;
  }

  // Packs one of `num_parts` shares of the weights.
  void pack_share(const Call& call, T* numbers, int part, int num_parts) const {
    for (size_t s = 0; s < plan.sections.size(); ++s)
      for (size_t p = 0; p < plan.sections[s].phases.size(); ++p)
        for (size_t k = 0; k < plan.sections[s].phases[p].programs.size(); ++k)
          pack_program(plan.sections[s].phases[p].programs[k], layouts[s][p][k], call, numbers,
                       part, num_parts);
  }

  void pack_program(const TileProgram& program, const ProgramLayout& layout, const Call& call,
                    T* numbers, int part, int num_parts) const {
    const int64_t lanes = kernel.lanes, unit_block = layout.block_vectors * lanes;
    const int64_t num_blocks = (program.size + unit_block - 1) / unit_block;
    for (size_t g = 0; g < program.groups.size(); ++g) {
      const ProductGroup& group = program.groups[g];
      const int64_t num_vectors = int64_t(group.slots.size()) * layout.block_vectors;
      for (int64_t b = num_blocks * part / num_parts; b < num_blocks * (part + 1) / num_parts; ++b) {
        T* y = numbers + layout.groups[g].offset + b * layout.groups[g].block_numbers;
        for (int64_t v = 0; v < num_vectors; v += kernel.panel) {
          const int64_t width = std::min<int64_t>(kernel.panel, num_vectors - v);
          for (size_t k = 0; k < group.operands.size(); ++k) {
            for (int64_t j = 0; j < width; ++j)
              pack_vector(program, group, k, b * unit_block, v + j, layout.block_vectors, call,
                          y + j * lanes, width * lanes);
            y += group.widths[k] * width * lanes;
          }
        }
      }
    }
  }

  // One vector of a panel: `lanes` rows of one block, over the depth of operand k.
  void pack_vector(const TileProgram& program, const ProductGroup& group, size_t k, int64_t first,
                   int64_t vector, int64_t block_vectors, const Call& call, T* y,
                   int64_t stride) const {
    const Block& block = group.blocks[size_t(vector / block_vectors)][k];
    const Array& matrix = plan.arrays[size_t(block.matrix)];
    const Buffer& buffer = call.buffers[size_t(matrix.external)];
    const T* m = static_cast<const T*>(buffer.data) + block.first_column;
    const int64_t ld = buffer.stride_step, lanes = kernel.lanes;
    const int64_t unit = first + vector % block_vectors * lanes;
    const int64_t count = std::max<int64_t>(0, std::min(lanes, program.size - unit));
    const int64_t depth = group.widths[k];
    if (block.transposed) {
      for (int64_t d = 0; d < depth; ++d) {
        std::memcpy(y + d * stride, m + d * ld + unit, size_t(count) * sizeof(T));
        std::fill(y + d * stride + count, y + d * stride + lanes, T(0));
      }
      return;
    }
    kernel.transpose(count, depth, m + unit * ld, ld, y, stride);
  }
};

namespace {

// Which rows a thread works on at once: indices of steps and rows of the batch.
struct Rows {
  const int32_t* steps;  // null: `step` for all
  const int32_t* rows;
  int64_t count;
  int64_t step;
  int64_t step_at(int64_t r) const { return steps ? steps[r] : step; }
};

template <class T>
struct Place {
  T* data = nullptr;
  int64_t stride_step = 0, stride_row = 0;
};

}  // namespace

namespace {

template <class T>
class Run {
 public:
  Run(const Plan& plan, const Kernels<T>& kernel,
      const std::vector<std::vector<std::vector<ProgramLayout>>>& layouts, const T* weights,
      const Call& call)
      : plan_(plan), kernel_(kernel), layouts_(layouts), weights_(weights), call_(call) {
    order_rows();
    num_threads_ = std::max(1, std::min(call.num_threads, useful_threads()));
    place_arrays();
  }

  std::function<void(int part, int num_parts)> pack;  // the weights, where they are not packed yet

  void go() {
    Barrier barrier(num_threads_);
    // A pool may give fewer threads than asked for: then the members share the work of `parts`.
    const auto work = [&, wanted = num_threads_](int k, int n) {
      if (n == wanted) {
        try {
          member(k, barrier);
        } catch (...) {
          barrier.abandon();
          throw;
        }
      } else if (k == 0) {
        alone();
      }
    };
    together(num_threads_, std::cref(work));  // a copy would be too large for std::function's own memory
  }

 private:
  // Where the rows of an array are; `moves`: elsewhere in the next step. In a loop those of a stream
  // lie at `data`, by step and row; a shift's are one step away, but for its first step.
  struct Table {
    int64_t array;
    T** rows;
    bool moves;
    bool is_shift = false;
    Place<T> place{};
  };

  // A tile program as a thread runs it.
  struct Ready {
    int64_t most = -1;    // rows of the products that are made at once
    int64_t stride = 0;   // units of a tile
    int64_t some = 0;     // rows of a tile of instructions
    std::vector<Table> tables;
    std::vector<int64_t> slots;  // where each begins
    std::vector<TileOp<T>> ops;
    std::vector<const T* const*> operands;  // of the groups, each followed by its starts
    int64_t filled = 0;                     // rows of the tables
    bool has_random = false;
  };

  struct Scratch {  // of one thread
    T* slots = nullptr;
    T* staging = nullptr;
    T* strips = nullptr;  // of outer products
    T** free_pointers = nullptr;
    uint32_t* row_numbers = nullptr;
    uint32_t* step_numbers = nullptr;
    std::vector<Ready> ready;  // by the program's number
  };

  // The steps and rows that exist: rows sorted by length, so that those of a step are the first.
  void order_rows() {
    const int64_t T_ = call_.num_steps, B = call_.num_rows;
    row_order_.resize(size_t(B));
    std::iota(row_order_.begin(), row_order_.end(), 0);
    active_.assign(size_t(T_), int32_t(B));
    if (call_.lengths) {
      std::stable_sort(row_order_.begin(), row_order_.end(), [&](int32_t a, int32_t b) {
        return call_.lengths[a] > call_.lengths[b];
      });
      for (int64_t t = 0; t < T_; ++t) {
        int32_t n = t ? active_[size_t(t - 1)] : int32_t(B);
        while (n > 0 && call_.lengths[row_order_[size_t(n - 1)]] <= t) --n;
        active_[size_t(t)] = n;
      }
    }
    num_flat_ = T_ * B;
    if (!call_.lengths) return;
    for (int64_t t = 0; t < T_; ++t)
      for (int32_t r = 0; r < active_[size_t(t)]; ++r) {
        flat_steps_.push_back(int32_t(t));
        flat_rows_.push_back(row_order_[size_t(r)]);
      }
    num_flat_ = int64_t(flat_rows_.size());
  }

  // The k-th step and row that exist.
  int64_t flat_step(int64_t k) const {
    return call_.lengths ? flat_steps_[size_t(k)] : k / call_.num_rows;
  }
  int64_t flat_row_number(int64_t k) const {
    return call_.lengths ? flat_rows_[size_t(k)] : k % call_.num_rows;
  }

  int64_t length(int64_t row) const { return call_.lengths ? call_.lengths[row] : call_.num_steps; }

  int useful_threads() const {
    double work = 0;
    for (const Section& section : plan_.sections) {
      const double times = section.kind == SectionKind::fixed  ? 1
                           : section.kind == SectionKind::rows ? double(call_.num_rows)
                                                               : double(num_flat_);
      for (const Phase& phase : section.phases)
        for (const TileProgram& program : phase.programs) {
          double one = double(program.size) * double(program.instructions.size());
          for (const ProductGroup& group : program.groups)
            for (int64_t width : group.widths)
              one += double(program.size) * double(group.slots.size()) * double(width) / 16;
          work += one * times;
        }
    }
    return int(std::min(1023.0, work / thread_work.load(std::memory_order_relaxed))) + 1;
  }

  bool splits_units(const Section& section) const {
    if (num_threads_ == 1) return false;
    for (const LoopState& state : section.states)
      if (at(state.shift).size < 2 * quantum_) return false;
    bool waits = false;
    for (const Phase& phase : section.phases) waits = waits || phase.waits;
    if (!waits) return call_.num_rows < num_threads_;
    // Rows apart need not wait for each other, but every thread then reads all weights.
    return call_.num_rows < kRowsApart * num_threads_ || 4 * weight_bytes(section) > 3 * int64_t(cache_bytes());
  }

  int64_t weight_bytes(const Section& section) const {
    int64_t numbers = 0;
    for (const Phase& phase : section.phases)
      for (const TileProgram& program : phase.programs)
        for (const ProductGroup& group : program.groups)
          for (int64_t width : group.widths)
            numbers += program.size * int64_t(group.slots.size()) * width;
    return numbers * int64_t(sizeof(T));
  }

  const Array& at(int64_t index) const { return plan_.arrays[size_t(index)]; }

  void place_arrays() {
    quantum_ = kernel_.panel * kernel_.lanes;
    const int64_t T_ = call_.num_steps, B = call_.num_rows;
    places_.resize(plan_.arrays.size());
    locals_.assign(plan_.arrays.size(), -1);
    constants_.resize(plan_.arrays.size());
    std::vector<size_t> offsets(plan_.arrays.size(), 0);
    for (size_t k = 0; k < plan_.arrays.size(); ++k) {
      const Array& a = plan_.arrays[k];
      if (a.external >= 0 || a.kind == ArrayKind::constant || a.kind == ArrayKind::shift) continue;
      int64_t numbers = a.size;
      if (a.kind == ArrayKind::rows) numbers *= B;
      if (a.kind == ArrayKind::stream) numbers *= B * T_;
      if (a.kind == ArrayKind::local)  // two steps of all rows, or a chunk for each thread
        numbers *= std::max(2 * B * (a.size == 1 ? num_threads_ : 1), kFlatRows * num_threads_);
      offsets[k] = arena_.reserve(size_t(numbers) * sizeof(T));
    }
    reserve_scratch();
    arena_.allocate();
    for (size_t k = 0; k < plan_.arrays.size(); ++k) {
      const Array& a = plan_.arrays[k];
      Place<T>& p = places_[k];
      if (a.kind == ArrayKind::constant) {
        constants_[k] = T(a.number);
        p.data = &constants_[k];
      } else if (a.external >= 0) {
        const Buffer& buffer = call_.buffers[size_t(a.external)];
        p = Place<T>{static_cast<T*>(buffer.data), 0, 0};
        if (a.kind == ArrayKind::stream) p.stride_step = buffer.stride_step;
        if (a.kind == ArrayKind::matrix) p.stride_row = buffer.stride_step;
        if (a.kind == ArrayKind::stream || a.kind == ArrayKind::rows)
          p.stride_row = buffer.stride_row;
      } else if (a.kind != ArrayKind::shift) {
        p.data = arena_.at<T>(offsets[k]);
        if (a.kind == ArrayKind::stream) p.stride_step = B * a.size;
        if (a.kind != ArrayKind::vector) p.stride_row = a.size;
      }
    }
    hand_out_scratch();
  }

  // Memory of the threads

  int64_t tile_rows(const Section& section) const {
    return section.kind == SectionKind::loop ? kTileRows : kFlatTileRows;
  }

  int64_t tile_stride(const TileProgram& program, const ProgramLayout& layout, int64_t rows) const {
    const int64_t unit_block = layout.block_vectors * kernel_.lanes;
    const int64_t wanted = kTileNumbers / std::max<int64_t>(1, rows);
    return std::min(round_up(std::max(wanted, unit_block), unit_block),
                    round_up(std::max<int64_t>(program.size, 1), unit_block));
  }

  // Slots begin some lines apart from a power of two: those of one set of the cache do not meet.
  int64_t slot_gap() const { return 5 * int64_t(kAlignment / sizeof(T)); }

  void reserve_scratch() {
    int64_t slots = 0, staging = 0, pointers = 0;
    for (size_t s = 0; s < plan_.sections.size(); ++s) {
      const Section& section = plan_.sections[s];
      const bool is_loop = section.kind == SectionKind::loop;
      const int64_t all_rows = is_loop ? std::max<int64_t>(1, call_.num_rows) : kFlatRows;
      for (size_t p = 0; p < section.phases.size(); ++p)
        for (size_t k = 0; k < section.phases[p].programs.size(); ++k) {
          const TileProgram& program = section.phases[p].programs[k];
          const int64_t rows = std::min(tile_rows(section), all_rows);
          const int64_t unit_block = layouts_[s][p][k].block_vectors * kernel_.lanes;
          const int64_t tile = kTileNumbers + rows * unit_block;  // whatever the rows of a step
          slots = std::max(slots, (tile + slot_gap()) * program.num_slots);
          staging = std::max(staging, 3 * tile);
          int64_t tables = 0;
          for (const Instruction& i : program.instructions) tables += i.num_args + 1;
          for (const ProductGroup& group : program.groups)
            tables += int64_t(group.operands.size() + group.starts.size());
          pointers += std::min(tables, int64_t(plan_.arrays.size())) * all_rows;
          ++num_programs_;
        }
    }
    deal_reductions();
    const int64_t numbers = std::max(call_.num_rows, kFlatRows);
    for (int k = 0; k < num_threads_; ++k) {
      scratch_offsets_.push_back({arena_.reserve(size_t(slots) * sizeof(T)),
                                  arena_.reserve(size_t(staging) * sizeof(T)),
                                  arena_.reserve(size_t(strips_) * sizeof(T)),
                                  arena_.reserve(size_t(pointers) * sizeof(T*)),
                                  arena_.reserve(size_t(numbers) * sizeof(uint32_t)),
                                  arena_.reserve(size_t(numbers) * sizeof(uint32_t))});
    }
  }

  void hand_out_scratch() {
    scratch_.resize(size_t(num_threads_));
    for (size_t k = 0; k < scratch_.size(); ++k) {
      Scratch& s = scratch_[k];
      const auto& offsets = scratch_offsets_[k];
      s.slots = arena_.at<T>(offsets[0]);
      s.staging = arena_.at<T>(offsets[1]);
      s.strips = arena_.at<T>(offsets[2]);
      s.free_pointers = arena_.at<T*>(offsets[3]);
      s.row_numbers = arena_.at<uint32_t>(offsets[4]);
      s.step_numbers = arena_.at<uint32_t>(offsets[5]);
      s.ready.resize(num_programs_);
    }
  }

  // Threads

  void alone() {
    num_threads_ = 1;
    for (Scratch& scratch : scratch_) scratch.ready.clear();  // made for a thread among others
    hand_out_scratch();
    Barrier barrier(1);
    member(0, barrier);
  }

  // Sets what the reductions add to. Threads share the targets.
  void clear_sums(int k) {
    if (call_.adds) return;
    for (size_t r = size_t(k); r < plan_.reductions.size(); r += size_t(num_threads_)) {
      const Reduction& reduction = plan_.reductions[r];
      const Array& target = at(reduction.target);
      const Place<T>& place = places_[size_t(reduction.target)];
      if (target.kind == ArrayKind::vector) {
        std::fill(place.data, place.data + target.size, T(0));
      } else {
        const int64_t width = reduction.operand < 0 ? 0 : at(reduction.operand).size;
        for (int64_t row = 0; row < target.size; ++row) {
          T* y = place.data + row * place.stride_row + reduction.first_column;
          std::fill(y, y + width, T(0));
        }
      }
    }
  }

  void member(int k, Barrier& barrier) {
    clear_sums(k);
    if (pack) {
      pack(k, num_threads_);
      barrier.wait();
    }
    for (size_t s = 0; s < plan_.sections.size(); ++s) {
      const Section& section = plan_.sections[s];
      switch (section.kind) {
        case SectionKind::fixed:
          if (k == 0) fixed(s);
          break;
        case SectionKind::rows: flat(s, k, false); break;
        case SectionKind::flat: flat(s, k, true); break;
        case SectionKind::loop:
          loop(s, k, barrier);
          barrier.wait();
          if (k == 0) finish(section);
          break;
      }
      barrier.wait();
    }
    for (const Reduction* reduction : plain_sums_) sum(*reduction, k);
    outers(k);
  }

  // Where the number(s) of one row of an array are

  T* row(int64_t index, int64_t t, int64_t b, int64_t r, int owner, bool in_loop) const {
    const Array& a = at(index);
    const Place<T>& p = places_[size_t(index)];
    switch (a.kind) {
      case ArrayKind::constant:
      case ArrayKind::vector:
      case ArrayKind::matrix: return p.data;
      case ArrayKind::rows: return p.data + b * p.stride_row;
      case ArrayKind::stream: return p.data + t * p.stride_step + b * p.stride_row;
      case ArrayKind::shift: {
        const bool is_first = a.reverse ? t + 1 >= length(b) : t == 0;
        if (is_first) return row(a.initial, t, b, r, owner, in_loop);
        return row(a.of, a.reverse ? t + 1 : t - 1, b, r, owner, in_loop);
      }
      case ArrayKind::local:
        if (!in_loop) return p.data + (owner * kFlatRows + r) * a.size;
        return p.data + ((a.size == 1 ? 2 * owner : 0) + (t & 1)) * call_.num_rows * a.size +
               b * a.size;
    }
    return nullptr;
  }

  void fill(int64_t index, const Rows& rows, int owner, bool in_loop, T** pointers) const {
    fill_at(index, rows, rows.step, owner, in_loop, pointers);
  }

  void fill_at(int64_t index, const Rows& rows, int64_t step, int owner, bool in_loop,
               T** pointers) const {
    const Array& a = at(index);
    const Place<T>& p = places_[size_t(index)];
    T* base = nullptr;
    int64_t stride = 0;
    switch (a.kind) {
      case ArrayKind::constant:
      case ArrayKind::vector:
      case ArrayKind::matrix: std::fill(pointers, pointers + rows.count, p.data); return;
      case ArrayKind::rows:
        base = p.data;
        stride = p.stride_row;
        break;
      case ArrayKind::stream:
        base = p.data + step * p.stride_step;
        stride = p.stride_row;
        break;
      case ArrayKind::shift:
        if (rows.steps || call_.lengths) break;
        if (is_first(index, step))
          return fill_at(a.initial, rows, step, owner, in_loop, pointers);
        return fill_at(a.of, rows, a.reverse ? step + 1 : step - 1, owner, in_loop, pointers);
      case ArrayKind::local:
        if (!in_loop) break;
        base = row(index, step, 0, 0, owner, true);
        stride = a.size;
        break;
    }
    if (base && !(rows.steps && a.kind == ArrayKind::stream)) {
      for (int64_t r = 0; r < rows.count; ++r) pointers[r] = base + rows.rows[r] * stride;
    } else {
      for (int64_t r = 0; r < rows.count; ++r)
        pointers[r] = row(index, rows.step_at(r), rows.rows[r], r, owner, in_loop);
    }
  }

  // One phase, for some rows and a range of units

  struct Range {
    int64_t first, last;
  };

  void phase(size_t s, size_t p, const Rows& rows, int thread, int part, int num_parts) {
    const Section& section = plan_.sections[s];
    const bool in_loop = section.kind == SectionKind::loop;
    const Phase& phase = section.phases[p];
    const int owner = in_loop ? part : thread;
    for (const Norm& norm : phase.norms) norms(norm, rows, owner, part, num_parts, in_loop);
    for (size_t k = 0; k < phase.programs.size(); ++k) {
      const TileProgram& program = phase.programs[k];
      const Range range = units(program.size, part, num_parts);
      if (range.first < range.last)
        tiles(section, program, layouts_[s][p][k], rows, range, thread, part);
    }
  }

  Range units(int64_t size, int part, int num_parts) const {
    if (num_parts == 1 || size == 1) return {0, size};
    const int64_t blocks = (size + quantum_ - 1) / quantum_;
    return {std::min(size, blocks * part / num_parts * quantum_),
            std::min(size, blocks * (part + 1) / num_parts * quantum_)};
  }

  void norms(const Norm& norm, const Rows& rows, int thread, int part, int num_parts,
             bool in_loop) const {
    const Array& target = at(norm.target);
    const int64_t size = at(norm.args[0]).size;
    const bool is_private = target.kind == ArrayKind::local;
    if (target.size == 1 && part > 0 && !is_private) return;
    const Range range = norm.op == NormOp::total ? Range{0, 1} : units(size, part, num_parts);
    for (int64_t r = 0; r < rows.count; ++r) {
      const int64_t t = rows.step_at(r), b = rows.rows[r];
      const T* a = row(norm.args[0], t, b, r, thread, in_loop);
      const T* other =
          norm.args.size() > 1 ? row(norm.args[1], t, b, r, thread, in_loop) : nullptr;
      kernel_.norm(norm.op, size, a, other, row(norm.target, t, b, r, thread, in_loop), range.first,
                   range.last);
    }
  }

  void tiles(const Section& section, const TileProgram& program, const ProgramLayout& layout,
             const Rows& rows, Range range, int thread, int part) {
    Scratch& scratch = scratch_[size_t(thread)];
    Ready& ready = scratch.ready[size_t(layout.number)];
    const bool in_loop = section.kind == SectionKind::loop;
    const int64_t most = std::min(tile_rows(section), rows.count);
    if (ready.most != most) make_ready(ready, section, program, layout, most, scratch, part);
    const bool is_longer = rows.count > ready.filled;
    for (const Table& table : ready.tables) {
      if (!table.moves && !is_longer) continue;
      if (table.place.data && !(table.is_shift && is_first(table.array, rows.step))) {
        T* base = table.place.data + rows.step * table.place.stride_step;
        for (int64_t r = 0; r < rows.count; ++r)
          table.rows[r] = base + rows.rows[r] * table.place.stride_row;
      } else {
        fill(table.array, rows, in_loop ? part : thread, in_loop, table.rows);
      }
    }
    ready.filled = std::max(ready.filled, rows.count);
    if (ready.has_random) number_rows(rows, scratch);
    // The order alternates from step to step, so that the weights read last are read first again.
    const int64_t stride = ready.stride;
    const int64_t num_tiles = (range.last - range.first + stride - 1) / stride;
    const bool is_odd = rows.step % 2;
    for (int64_t k = 0; k < num_tiles; ++k) {
      const int64_t first = range.first + (is_odd ? num_tiles - 1 - k : k) * stride;
      const int64_t count = std::min(stride, range.last - first);
      for (int64_t r = 0; r < rows.count; r += most) {
        const int64_t num_rows = std::min(most, rows.count - r);
        products(program, layout, ready, scratch, first, count, r, int(num_rows), is_odd);
        for (int64_t done = 0; done < num_rows; done += ready.some) {
          const Tile<T> tile{int(std::min(ready.some, num_rows - done)),
                             r + done,
                             done,
                             first,
                             count,
                             stride,
                             scratch.staging,
                             call_.seed,
                             scratch.row_numbers,
                             scratch.step_numbers};
          kernel_.run(ready.ops.data(), int(ready.ops.size()), tile);
        }
      }
    }
  }

  // Whether a shift reads its initial value at a step; without lengths.
  bool is_first(int64_t shift, int64_t step) const {
    return at(shift).reverse ? step + 1 >= call_.num_steps : step == 0;
  }

  void place_table(Table& table) const {
    const Array& a = at(table.array);
    if (a.kind == ArrayKind::stream) table.place = places_[size_t(table.array)];
    if (a.kind != ArrayKind::shift || call_.lengths || at(a.of).kind != ArrayKind::stream) return;
    table.is_shift = true;
    table.place = places_[size_t(a.of)];
    table.place.data += (a.reverse ? 1 : -1) * table.place.stride_step;
  }

  // What does not change from step to step.
  void make_ready(Ready& ready, const Section& section, const TileProgram& program,
                  const ProgramLayout& layout, int64_t most, Scratch& scratch, int part) const {
    const bool in_loop = section.kind == SectionKind::loop;
    ready.most = most;
    ready.stride = tile_stride(program, layout, most);
    ready.some = std::max<int64_t>(1, std::min(most, kStepNumbers / ready.stride));
    std::vector<bool> moves(size_t(program.num_slots), false);
    for (const ProductGroup& group : program.groups)
      for (int64_t slot : group.slots) moves[size_t(slot)] = true;
    ready.slots.clear();
    int64_t next = 0;
    for (bool of_product : moves) {
      ready.slots.push_back(next);
      next += (of_product ? most : ready.some) * ready.stride + slot_gap();
    }
    auto table = [&](int64_t array) -> T** {
      for (const Table& known : ready.tables)
        if (known.array == array) return known.rows;
      const ArrayKind kind = at(array).kind;
      const bool stays = kind == ArrayKind::constant || kind == ArrayKind::vector ||
                         (in_loop && kind == ArrayKind::rows);
      ready.tables.push_back(Table{array, scratch.free_pointers, !stays});
      if (in_loop) place_table(ready.tables.back());
      scratch.free_pointers += in_loop ? std::max<int64_t>(1, call_.num_rows) : kFlatRows;
      return ready.tables.back().rows;
    };
    auto source = [&](const Operand& operand) {
      if (operand.is_slot())
        return Source<T>{scratch.slots + ready.slots[size_t(operand.index)], nullptr, false,
                         bool(moves[size_t(operand.index)])};
      return Source<T>{nullptr, table(operand.array()), operand.splat, false};
    };
    ready.ops.clear();
    for (const Instruction& i : program.instructions) {
      const bool is_shared = !i.target.is_slot() && at(i.target.array()).kind != ArrayKind::local;
      if (program.size == 1 && part > 0 && is_shared) continue;
      TileOp<T> op{};
      op.op = i.op;
      op.num_args = int(i.num_args);
      op.target = source(i.target);
      for (int64_t k = 0; k < i.num_args; ++k) op.args[k] = source(i.args[k]);
      if (i.random >= 0) {
        const Random& random = plan_.randoms[size_t(i.random)];
        op.stream = uint32_t(random.stream);
        op.per_step = random.per_step;
        const double chance = std::nearbyint(random.probability * 4294967296.0);
        op.threshold = uint32_t(std::min(chance, 4294967295.0));
        ready.has_random = true;
      }
      kernel_.resolve(op);
      ready.ops.push_back(op);
    }
    ready.operands.clear();
    for (const ProductGroup& group : program.groups) {
      for (int64_t array : group.operands) ready.operands.push_back(table(array));
      for (int64_t array : group.starts)
        if (array >= 0) ready.operands.push_back(table(array));
    }
  }

  void number_rows(const Rows& rows, Scratch& scratch) const {
    for (int64_t r = 0; r < rows.count; ++r) {
      scratch.row_numbers[r] = uint32_t(rows.rows[r]);
      scratch.step_numbers[r] = uint32_t(rows.step_at(r) + call_.first_step);
    }
  }

  void products(const TileProgram& program, const ProgramLayout& layout, const Ready& ready,
                Scratch& scratch, int64_t first, int64_t count, int64_t first_row, int num_rows,
                bool last_first) const {
    const int64_t lanes = kernel_.lanes, unit_block = layout.block_vectors * lanes;
    const int64_t stride = ready.stride;
    const T* const* const* operands = ready.operands.data();
    for (size_t g = 0; g < program.groups.size(); ++g) {
      const ProductGroup& group = program.groups[g];
      const GroupLayout& place = layout.groups[g];
      const int64_t num_vectors = int64_t(group.slots.size()) * layout.block_vectors;
      const bool has_starts = group.starts[0] >= 0;  // all products of a group do, or none
      const T* const* const* starts = operands + group.operands.size();
      const bool is_whole = count % unit_block == 0;
      if (has_starts && !is_whole) copy_starts(group, ready, scratch, starts, first, count, first_row, num_rows);
      T* targets[8];
      const T* const* start_rows[8];
      int64_t starts_at[8];
      Segment<T> segments[kMostSegments];
      Product<T> product{};
      product.count = num_rows;
      product.first_row = first_row;
      product.segments = segments;
      product.target = targets;
      product.stride = stride;
      product.starts_at = starts_at;
      const int64_t num_blocks = (count + unit_block - 1) / unit_block;
      for (int64_t b = 0; b < num_blocks; ++b) {
        const int64_t u = (last_first ? num_blocks - 1 - b : b) * unit_block;
        product.panel = weights_ + place.offset + (first + u) / unit_block * place.block_numbers;
        for (int64_t v = 0; v < num_vectors; v += kernel_.panel) {
          const int64_t width = std::min<int64_t>(kernel_.panel, num_vectors - v);
          for (int64_t j = 0; j < width; ++j) {
            const size_t of = size_t((v + j) / layout.block_vectors);
            const int64_t unit = u + (v + j) % layout.block_vectors * lanes;
            targets[j] = scratch.slots + ready.slots[size_t(group.slots[of])] + unit;
            if (has_starts) start_rows[j] = starts[of];
            starts_at[j] = first + unit;
          }
          product.starts = has_starts && is_whole ? start_rows : nullptr;
          product.adds = has_starts;
          for (size_t k = 0; k < group.operands.size(); k += size_t(product.num_segments)) {
            product.num_segments = int(std::min<size_t>(kMostSegments, group.operands.size() - k));
            product.depth = 0;
            for (int j = 0; j < product.num_segments; ++j) {
              segments[j] = Segment<T>{operands[k + size_t(j)], group.widths[k + size_t(j)]};
              product.depth += segments[j].depth;
            }
            const int64_t numbers = product.depth * width * lanes;
            product.next = product.panel + numbers;
            kernel_.product(int(width), product);
            product.panel += numbers;
            product.starts = nullptr;
            product.adds = true;
          }
        }
      }
      operands = starts + (has_starts ? group.starts.size() : 0);
    }
  }

  // At the end of arrays, where whole vectors would leave them.
  void copy_starts(const ProductGroup& group, const Ready& ready, Scratch& scratch,
                   const T* const* const* starts, int64_t first, int64_t count, int64_t first_row,
                   int num_rows) const {
    for (size_t p = 0; p < group.slots.size(); ++p) {
      T* slot = scratch.slots + ready.slots[size_t(group.slots[p])];
      for (int r = 0; r < num_rows; ++r)
        std::memcpy(slot + r * ready.stride, starts[p][first_row + r] + first, size_t(count) * sizeof(T));
    }
  }

  // Sections

  void fixed(size_t s) {
    const int32_t zero = 0;
    const Rows rows{&zero, &zero, 1, 0};
    for (size_t p = 0; p < plan_.sections[s].phases.size(); ++p) phase(s, p, rows, 0, 0, 1);
  }

  void flat(size_t s, int thread, bool has_time) {
    const int64_t total = has_time ? num_flat_ : call_.num_rows;
    int32_t steps[kFlatRows], numbers[kFlatRows];
    const int64_t chunks = (total + kFlatRows - 1) / kFlatRows;
    const int64_t last = std::min(total, chunks * (thread + 1) / num_threads_ * kFlatRows);
    for (int64_t r = chunks * thread / num_threads_ * kFlatRows; r < last; r += kFlatRows) {
      const int64_t count = std::min(kFlatRows, last - r);
      for (int64_t k = 0; has_time && k < count; ++k) {
        steps[k] = int32_t(flat_step(r + k));
        numbers[k] = int32_t(flat_row_number(r + k));
      }
      const Rows rows = has_time ? Rows{steps, numbers, count, 0}
                                 : Rows{nullptr, &row_order_[size_t(r)], count, 0};
      for (size_t p = 0; p < plan_.sections[s].phases.size(); ++p) phase(s, p, rows, thread, 0, 1);
    }
  }

  void loop(size_t s, int thread, Barrier& barrier) {
    const Section& section = plan_.sections[s];
    const bool split = splits_units(section);
    const int part = split ? thread : 0, num_parts = split ? num_threads_ : 1;
    const bool shares_rows = !split && num_threads_ > 1;
    std::vector<int32_t> own;
    for (size_t r = size_t(thread); shares_rows && r < row_order_.size(); r += size_t(num_threads_))
      own.push_back(row_order_[r]);
    const int32_t* numbers = shares_rows ? own.data() : row_order_.data();
    const int64_t T_ = call_.num_steps;
    for (int64_t k = 0; k < T_; ++k) {
      const int64_t t = section.reverse ? T_ - 1 - k : k;
      int64_t count = active_[size_t(t)];
      if (shares_rows) count = (count - thread + num_threads_ - 1) / num_threads_;
      const Rows rows{nullptr, numbers, std::max<int64_t>(0, count), t};
      for (size_t p = 0; p < section.phases.size(); ++p) {
        if (split && section.phases[p].waits) barrier.wait();
        if (rows.count > 0) phase(s, p, rows, thread, part, num_parts);
      }
    }
  }

  void finish(const Section& section) {
    for (const LoopState& state : section.states) {
      if (state.final < 0) continue;
      const Array& shift = at(state.shift);
      for (int64_t b = 0; b < call_.num_rows; ++b) {
        // The value before the step that would come next.
        const int64_t t = shift.reverse ? -1 : length(b);
        const bool is_first = length(b) == 0;
        const T* from = is_first ? row(shift.initial, 0, b, 0, 0, true)
                                 : row(shift.of, shift.reverse ? t + 1 : t - 1, b, 0, 0, true);
        std::memcpy(row(state.final, 0, b, 0, 0, true), from, size_t(shift.size) * sizeof(T));
      }
    }
  }

  // Reductions

  // An array whose rows are summed over steps and rows: times others, and as they are.
  struct Delta {
    int64_t array;
    std::vector<std::pair<size_t, const Reduction*>> products;  // with which operand
    const Reduction* sum = nullptr;
    int64_t num_strips = 0;  // of kStrip units
    int64_t columns = 0;     // of all its products
    size_t group = 0;        // the first delta of those that are shared out alike
  };

  struct OuterOperand {
    int64_t array;
    int64_t columns;  // whole panels
    int64_t first;    // of its columns in the pack
  };

  void deal_reductions() {
    const int64_t panel = kernel_.panel * kernel_.lanes;
    int64_t columns = 0, num_strips = 0, widest = 0;
    for (const Reduction& r : plan_.reductions) {
      widest = std::max(widest, at(r.delta).size);
      if (r.operand < 0 || at(r.operand).size == 0 || at(r.delta).size == 0) continue;
      size_t k = 0;
      while (k < operands_.size() && operands_[k].array != r.operand) ++k;
      if (k == operands_.size()) {
        operands_.push_back(OuterOperand{r.operand, round_up(at(r.operand).size, panel), columns});
        columns += operands_.back().columns;
      }
      size_t d = 0;
      while (d < deltas_.size() && deltas_[d].array != r.delta) ++d;
      if (d == deltas_.size()) {
        deltas_.push_back(Delta{r.delta, {}, nullptr, (at(r.delta).size + kStrip - 1) / kStrip, 0});
        num_strips += deltas_.back().num_strips;
      }
      deltas_[d].products.push_back({k, &r});
      deltas_[d].columns += operands_[k].columns;
    }
    join_deltas();
    for (const Reduction& r : plan_.reductions) {
      if (r.operand >= 0) continue;
      size_t d = 0;
      while (d < deltas_.size() && deltas_[d].array != r.delta) ++d;
      const auto is_same = [&](const Reduction& other) { return other.target == r.target; };
      const bool is_alone = std::count_if(plan_.reductions.begin(), plan_.reductions.end(), is_same) == 1;
      if (d < deltas_.size() && is_alone && !deltas_[d].sum && at(r.target).size == at(r.delta).size) {
        deltas_[d].sum = &r;
      } else {
        plain_sums_.push_back(&r);
      }
    }
    operand_columns_ = columns;
    strips_ = kDepth * (columns + kStripPitch * num_strips) + std::max(widest, kStrip * num_strips);
    if (plan_.reductions.empty()) strips_ = 0;
  }

  // Deltas that are summed into one matrix are shared out alike: no two threads add to one row.
  void join_deltas() {
    for (size_t d = 0; d < deltas_.size(); ++d) deltas_[d].group = d;
    for (bool changes = true; changes;) {
      changes = false;
      for (size_t a = 0; a < deltas_.size(); ++a)
        for (size_t b = 0; b < a; ++b)
          if (deltas_[a].group != deltas_[b].group && meet(deltas_[a], deltas_[b])) {
            deltas_[a].group = deltas_[b].group = std::min(deltas_[a].group, deltas_[b].group);
            changes = true;
          }
    }
  }

  static bool meet(const Delta& a, const Delta& b) {
    for (const auto& [k, x] : a.products)
      for (const auto& [j, y] : b.products)
        if (x->target == y->target) return true;
    return false;
  }

  void sum(const Reduction& reduction, int thread) {
    const Array &delta = at(reduction.delta), &target = at(reduction.target);
    T* base = places_[size_t(reduction.target)].data;
    Scratch& scratch = scratch_[size_t(thread)];
    auto row_at = [&](int64_t k) {
      return row(reduction.delta, flat_step(k), flat_row_number(k), 0, 0, true);
    };
    if (target.size == 1 && delta.size != 1) {
      if (thread > 0) return;
      double sum = 0;
      for (int64_t k = 0; k < num_flat_; ++k) {
        const T* d = row_at(k);
        for (int64_t u = 0; u < delta.size; ++u) sum += double(d[u]);
      }
      base[0] += T(sum);
      return;
    }
    if (delta.size == 1 && thread > 0) return;
    const Range range = units(delta.size, thread, num_threads_);
    const int64_t size = range.last - range.first;
    if (size <= 0) return;
    for (int64_t first = 0; first < num_flat_; first += kSumRows) {
      std::fill(scratch.strips, scratch.strips + size, T(0));
      for (int64_t k = first; k < std::min(num_flat_, first + kSumRows); ++k)
        kernel_.add(size, row_at(k) + range.first, scratch.strips);
      kernel_.add(size, scratch.strips, base + range.first);
    }
  }

  // The units of every delta that a thread sums: an even share of the multiplications.
  std::vector<Range> shares(int thread) const {
    std::vector<int64_t> columns(deltas_.size(), 0);  // of a group, at its first delta
    for (const Delta& delta : deltas_) columns[delta.group] += delta.columns;
    int64_t total = 0, done = 0;
    for (size_t d = 0; d < deltas_.size(); ++d) total += deltas_[d].num_strips * columns[d];
    const int64_t low = total * thread / num_threads_, high = total * (thread + 1) / num_threads_;
    std::vector<Range> found(deltas_.size());
    for (size_t d = 0; d < deltas_.size(); ++d) {
      if (deltas_[d].group != d) {
        found[d] = found[deltas_[d].group];
        continue;
      }
      auto unit_at = [&](int64_t cost) {
        const int64_t strip = cost > done ? (cost - done + columns[d] - 1) / columns[d] : 0;
        return std::min(strip * kStrip, at(deltas_[d].array).size);
      };
      found[d] = Range{unit_at(low), unit_at(high)};
      done += deltas_[d].num_strips * columns[d];
    }
    return found;
  }

  void outers(int thread) {
    if (deltas_.empty()) return;
    const int64_t panel = kernel_.panel * kernel_.lanes;
    const std::vector<Range> own = shares(thread);
    int64_t num_strips = 0;
    for (const Range& range : own) num_strips += (range.last - range.first + kStrip - 1) / kStrip;
    if (num_strips == 0) return;
    T* operands = scratch_[size_t(thread)].strips;
    T* strips = operands + kDepth * operand_columns_;
    T* sums = strips + kDepth * kStripPitch * num_strips;
    int32_t steps[kDepth], numbers[kDepth];
    for (int64_t first = 0; first < num_flat_; first += kDepth) {
      const int64_t depth = std::min(kDepth, num_flat_ - first);
      for (int64_t k = 0; k < depth; ++k) {
        steps[k] = int32_t(flat_step(first + k));
        numbers[k] = int32_t(flat_row_number(first + k));
      }
      for (const OuterOperand& o : operands_)
        for (int64_t k = 0; k < depth; ++k)
          kernel_.deal(at(o.array).size, int(panel), int(panel),
                       row(o.array, steps[k], numbers[k], 0, 0, true),
                       operands + o.first * depth + k * panel, depth * panel);
      T* strip = strips;
      for (size_t d = 0; d < deltas_.size(); ++d) {
        const int64_t low = own[d].first, size = own[d].last - low;
        if (size <= 0) continue;
        pack_delta(deltas_[d], low, size, steps, numbers, depth, strip, sums);
        for (const auto& [k, reduction] : deltas_[d].products) {
          const Place<T>& target = places_[size_t(reduction->target)];
          const int64_t columns = at(operands_[k].array).size;
          for (int64_t j = 0; j < columns; j += panel)
            for (int64_t i = 0; i < size; i += kStrip)
              kernel_.outer(int(std::min<int64_t>(kStrip, size - i)), columns - j, depth,
                            strip + i / kStrip * kStripPitch * depth,
                            operands + (operands_[k].first + j) * depth,
                            target.data + (low + i) * target.stride_row + reduction->first_column + j,
                            target.stride_row);
        }
        strip += (size + kStrip - 1) / kStrip * kStripPitch * depth;
      }
    }
  }

  // Packs some units of a delta as strips, and sums its rows on the way.
  void pack_delta(const Delta& delta, int64_t low, int64_t size, const int32_t* steps,
                  const int32_t* numbers, int64_t depth, T* strips, T* sums) const {
    if (delta.sum) std::fill(sums, sums + size, T(0));
    for (int64_t k = 0; k < depth; ++k) {
      const T* d = row(delta.array, steps[k], numbers[k], 0, 0, true) + low;
      kernel_.deal(size, kStrip, kStripPitch, d, strips + k * kStripPitch, depth * kStripPitch);
      if (delta.sum) kernel_.add(size, d, sums);
    }
    if (delta.sum) kernel_.add(size, sums, places_[size_t(delta.sum->target)].data + low);
  }

  const Plan& plan_;
  const Kernels<T>& kernel_;
  const std::vector<std::vector<std::vector<ProgramLayout>>>& layouts_;
  const T* weights_;
  const Call& call_;
  int num_threads_ = 1;
  int64_t quantum_ = 1, strips_ = 0;
  int64_t num_flat_ = 0;  // steps and rows that exist
  std::vector<int32_t> row_order_, active_, flat_steps_, flat_rows_;
  std::vector<Delta> deltas_;
  std::vector<OuterOperand> operands_;
  std::vector<const Reduction*> plain_sums_;
  int64_t operand_columns_ = 0;  // of the packed operands of outer products
  size_t num_programs_ = 0;
  Arena arena_;
  std::vector<Place<T>> places_;
  std::vector<int64_t> locals_;
  std::vector<T> constants_;
  std::vector<std::array<size_t, 6>> scratch_offsets_;
  std::vector<Scratch> scratch_;
};

}  // namespace

template <class T>
Executor<T>::Executor(Plan plan, const char* instruction_set)
    : parts_(std::make_unique<Parts>(std::move(plan), instruction_set)) {}

template <class T>
Executor<T>::~Executor() = default;

template <class T>
const Plan& Executor<T>::plan() const {
  return parts_->plan;
}

template <class T>
const char* Executor<T>::instruction_set() const {
  return parts_->kernel.name;
}

template <class T>
void Executor<T>::run(const Call& call) {
  const auto pack = parts_->take_pack(call);
  T* weights = static_cast<T*>(pack->block.data);
  Run<T> run(parts_->plan, parts_->kernel, parts_->layouts, weights, call);
  if (call.weights_key < 0)
    run.pack = [&](int part, int num_parts) { parts_->pack_share(call, weights, part, num_parts); };
  run.go();
}

namespace {

template <class T>
class PreparedRun : public Prepared {
 public:
  template <class... Arguments>
  explicit PreparedRun(std::shared_ptr<void> pack, const Arguments&... arguments)
      : pack_(std::move(pack)), run_(arguments...) {}
  void run() override { run_.go(); }

 private:
  std::shared_ptr<void> pack_;  // the weights
  Run<T> run_;
};

}  // namespace

template <class T>
std::unique_ptr<Prepared> Executor<T>::prepare(const Call& call) {
  const auto pack = parts_->take_pack(call);
  T* weights = static_cast<T*>(pack->block.data);
  if (call.weights_key < 0) parts_->pack_share(call, weights, 0, 1);
  return std::make_unique<PreparedRun<T>>(pack, parts_->plan, parts_->kernel, parts_->layouts,
                                          weights, call);
}

template class Executor<float>;
template class Executor<double>;

}  // namespace ostinato
