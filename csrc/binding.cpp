// The Python module: plans in, buffers in, numbers out. Nothing else knows Python.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>


#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "kernels.h"
#include "run.h"

namespace nb = nanobind;
using namespace ostinato;

namespace {

using Words = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

using Given = nb::ndarray<nb::device::cpu>;

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw PlanError(text.str());
}

template <class T>
class Engine {
 public:
  Engine(Words words, Numbers numbers, const std::string& instruction_set)
      : executor_(parse_plan(words.data(), words.size(), numbers.data(), numbers.size()),
                  instruction_set.c_str()),
        shapes_(size_t(executor_.plan().num_externals), nullptr) {
    for (const Array& a : executor_.plan().arrays)
      if (a.external >= 0) shapes_[size_t(a.external)] = &a;
  }

  void run(int64_t num_steps, int64_t num_rows, nb::list buffers, std::optional<Words> lengths,
           uint64_t seed, int64_t first_step, int num_threads, int64_t weights_key, bool adds) {
    std::vector<Given> held(shapes_.size());  // another thread may take them out of the list
    const Call call = checked(
        num_steps, num_rows, nb::len(buffers),
        [&](size_t k) {
          if (!nb::try_cast(buffers[k], held[k], false))
            fail("buffer ", k, " is ", nb::type_name(nb::handle(buffers[k]).type()).c_str(),
                 ", expected a writable array on the CPU");
          return view(held[k], k);
        },
        lengths, seed, first_step, num_threads, weights_key, adds);
    nb::gil_scoped_release released;
    executor_.run(call);
  }

  // The same with buffers as (address, shape …, strides in elements …): quicker to say from Python.
  void run_at(int64_t num_steps, int64_t num_rows, nb::list buffers, std::optional<Words> lengths,
              uint64_t seed, int64_t first_step, int num_threads, int64_t weights_key, bool adds) {
    const Call call = checked(num_steps, num_rows, nb::len(buffers),
                              [&](size_t k) { return view(nb::cast<nb::tuple>(buffers[k]), k); },
                              lengths, seed, first_step, num_threads, weights_key, adds);
    nb::gil_scoped_release released;
    executor_.run(call);
  }

  std::string instruction_set() const { return executor_.instruction_set(); }

  // Runs again and again over the same buffers.
  class Stream {
   public:
    Stream(Engine& engine, Call call, std::vector<std::pair<size_t, size_t>> carried)
        : engine_(engine),
          call_(std::move(call)),
          carried_(std::move(carried)),
          run_(engine.executor_.prepare(call_)) {}

    void step() {
      run_->run();
      ++call_.first_step;
      for (const auto& [from, to] : carried_) {
        const Buffer &a = call_.buffers[from], &b = call_.buffers[to];
        const size_t bytes = size_t(engine_.shapes_[from]->size) * sizeof(T);
        for (int64_t r = 0; r < call_.num_rows; ++r)
          std::memcpy(static_cast<T*>(b.data) + r * b.stride_row,
                      static_cast<const T*>(a.data) + r * a.stride_row, bytes);
      }
    }

   private:
    Engine& engine_;
    Call call_;
    std::vector<std::pair<size_t, size_t>> carried_;
    std::unique_ptr<Prepared> run_;
  };

  // A stream of single steps; `carried` pairs the buffer of a state's last value with that of its
  // value before the first step: it is copied there after each step.
  Stream* stream(int64_t num_rows, nb::list buffers,
                 std::vector<std::pair<size_t, size_t>> carried, uint64_t seed, int num_threads,
                 int64_t weights_key) {
    Call call = checked(1, num_rows, nb::len(buffers),
                        [&](size_t k) { return view(nb::cast<nb::tuple>(buffers[k]), k); },
                        std::nullopt, seed, 0, num_threads, weights_key, false);
    for (const auto& [from, to] : carried) {
      const bool known = from < shapes_.size() && to < shapes_.size() && shapes_[from] && shapes_[to];
      if (!known || shapes_[from]->kind != ArrayKind::rows || shapes_[to]->kind != ArrayKind::rows ||
          shapes_[from]->size != shapes_[to]->size)
        fail("a carried pair names no two buffers [B, n] of one size");
    }
    return new Stream(*this, std::move(call), std::move(carried));
  }

 private:
  struct View {
    void* data;
    size_t dims;
    int64_t shape[3], stride[3];
  };

  static View view(const Given& given, size_t k) {
    if (given.dtype() != nb::dtype<T>())
      fail("buffer ", k, " has another dtype, expected float", 8 * sizeof(T));
    View v{const_cast<void*>(given.data()), given.ndim(), {}, {}};
    for (size_t d = 0; d < std::min<size_t>(v.dims, 3); ++d) {
      v.shape[d] = int64_t(given.shape(d));
      v.stride[d] = given.stride(d);
    }
    return v;
  }

  static View view(const nb::tuple& given, size_t k) {
    const size_t dims = given.size() / 2;
    if (given.size() % 2 == 0 || dims < 1 || dims > 3)
      fail("buffer ", k, " is no (address, shape …, strides …)");
    View v{reinterpret_cast<void*>(nb::cast<uintptr_t>(given[0])), dims, {}, {}};
    for (size_t d = 0; d < dims; ++d) {
      v.shape[d] = nb::cast<int64_t>(given[1 + d]);
      v.stride[d] = nb::cast<int64_t>(given[1 + dims + d]);
    }
    return v;
  }

  template <class ViewOf>
  Call checked(int64_t num_steps, int64_t num_rows, size_t num_buffers, ViewOf view_of,
                 const std::optional<Words>& lengths, uint64_t seed, int64_t first_step,
                 int num_threads, int64_t weights_key, bool adds) {
    if (num_steps < 0 || num_rows < 0 || num_steps > INT32_MAX || num_rows > INT32_MAX ||
        (num_steps && num_rows > INT32_MAX / num_steps))
      fail("got T = ", num_steps, " and B = ", num_rows,
           ", expected both and their product from 0 to 2^31 - 1");
    if (first_step < 0 || first_step > INT64_MAX - num_steps)
      fail("got the first step ", first_step, ", expected 0 to 2^63 - 1 - T");
    Call call{};
    call.num_steps = num_steps;
    call.num_rows = num_rows;
    call.seed = seed;
    call.first_step = first_step;
    call.num_threads = num_threads;
    call.weights_key = weights_key;
    call.adds = adds;
    if (lengths) {
      if (int64_t(lengths->size()) != num_rows)
        fail("got ", lengths->size(), " lengths, expected B = ", num_rows);
      // Copied: another thread may change the caller's while the engine runs.
      call.own_lengths.assign(lengths->data(), lengths->data() + lengths->size());
      for (int64_t length : call.own_lengths)
        if (length < 0 || length > num_steps)
          fail("got the length ", length, ", expected 0 to T = ", num_steps);
      call.lengths = call.own_lengths.data();
    }
    if (num_buffers != shapes_.size())
      fail("got ", num_buffers, " buffers, expected ", shapes_.size());
    for (size_t k = 0; k < shapes_.size(); ++k) call.buffers.push_back(buffer(view_of(k), k, call));
    return call;
  }

  Buffer buffer(const View& given, size_t k, const Call& call) const {
    const Array* array = shapes_[k];
    if (!array) return Buffer{nullptr, 0, 0};
    int64_t expected[3] = {0, 0, 0};
    size_t dims = 0;
    switch (array->kind) {
      case ArrayKind::vector: break;
      case ArrayKind::rows: expected[dims++] = call.num_rows; break;
      case ArrayKind::stream:
        expected[dims++] = call.num_steps;
        expected[dims++] = call.num_rows;
        break;
      case ArrayKind::matrix: expected[dims++] = array->size; break;
      default: fail("buffer ", k, " is for an array that needs none");
    }
    expected[dims++] = array->kind == ArrayKind::matrix ? array->columns : array->size;
    bool fits = given.dims == dims;
    for (size_t d = 0; fits && d < dims; ++d) fits = given.shape[d] == expected[d];
    if (fits && expected[dims - 1] > 1) fits = given.stride[dims - 1] == 1;
    if (!fits) {
      std::ostringstream text;
      for (size_t d = 0; d < given.dims; ++d) text << (d ? ", " : "") << given.shape[d];
      text << "], expected [";
      for (size_t d = 0; d < dims; ++d) text << (d ? ", " : "") << expected[d];
      fail("buffer ", k, " has shape [", text.str(), "] with adjacent units");
    }
    Buffer found{given.data, 0, 0};
    if (array->kind == ArrayKind::stream) {
      found.stride_step = given.stride[0];
      found.stride_row = given.stride[1];
    } else if (array->kind == ArrayKind::rows) {
      found.stride_row = given.stride[0];
    } else if (array->kind == ArrayKind::matrix) {
      found.stride_step = given.stride[0];
    }
    return found;
  }

  Executor<T> executor_;
  std::vector<const Array*> shapes_;
};

template <class T>
void bind(nb::module_& m, const char* name) {
  const auto add = [](auto& type, const char* method, auto function) {
    type.def(method, function, nb::arg("num_steps"), nb::arg("num_rows"), nb::arg("buffers"),
             nb::arg("lengths") = nb::none(), nb::arg("seed") = 0, nb::arg("first_step") = 0,
             nb::arg("num_threads") = 1, nb::arg("weights_key") = -1, nb::arg("adds") = false);
  };
  using Stream = typename Engine<T>::Stream;
  nb::class_<Stream>(m, (std::string(name) + "Stream").c_str()).def(
      "step", &Stream::step, nb::call_guard<nb::gil_scoped_release>());
  nb::class_<Engine<T>> type(m, name);
  add(type, "run", &Engine<T>::run);
  add(type, "run_at", &Engine<T>::run_at);
  type.def("stream", &Engine<T>::stream, nb::arg("num_rows"), nb::arg("buffers"),
           nb::arg("carried"), nb::arg("seed") = 0, nb::arg("num_threads") = 1,
           nb::arg("weights_key") = 0, nb::rv_policy::take_ownership, nb::keep_alive<0, 1>());
  type.def(nb::init<Words, Numbers, const std::string&>(), nb::arg("words"), nb::arg("numbers"),
           nb::arg("instruction_set") = "")
      .def_prop_ro("instruction_set", &Engine<T>::instruction_set);
}

template <class T>
void unary(int64_t op, const std::string& instruction_set,
           nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu> a,
           nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu> target) {
  if (a.size() != target.size())
    fail("got ", a.size(), " numbers and a target of ", target.size(), ", expected one size");
  const bool is_unary = (op >= int64_t(Op::neg) && op <= int64_t(Op::sign)) || op == int64_t(Op::gelu_grad);
  if (!is_unary) fail("got operation ", op, ", expected one of a single number");
  kernels<T>(instruction_set.c_str()).unary(Op(op), int64_t(a.size()), a.data(), target.data());
}

}  // namespace

NB_MODULE(_native, m) {
  nb::set_leak_warnings(false);  // engines are kept until the process ends
  nb::exception<PlanError>(m, "PlanError", PyExc_ValueError);
  bind<float>(m, "EngineFloat");
  bind<double>(m, "EngineDouble");
  m.def("cache_bytes", &cache_bytes);
  m.def("set_thread_work", [](double work) { thread_work.store(work); }, nb::arg("work"));
  m.def("instruction_sets", &instruction_sets);
  m.def("unary_float", &unary<float>);
  m.def("unary_double", &unary<double>);
}
