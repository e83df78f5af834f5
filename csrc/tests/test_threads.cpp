// Calls from several threads at once, and the team of one call.
#include <atomic>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <thread>

#include "support.h"
#include "team.h"

namespace {
std::atomic<long> num_allocations{0};
}

void* operator new(size_t bytes) {
  num_allocations += 1;
  if (void* found = std::malloc(bytes)) return found;
  throw std::bad_alloc();
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  num_allocations += 1;
  return std::malloc(bytes);
}
void operator delete(void* data) noexcept { std::free(data); }
void operator delete(void* data, const std::nothrow_t&) noexcept { std::free(data); }
void operator delete(void* data, size_t) noexcept { std::free(data); }

namespace ostinato::tests {
namespace {

using Numbers = std::vector<std::vector<double>>;

void on_threads(int count, const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  for (int k = 0; k < count; ++k) threads.emplace_back(work, k);
  for (std::thread& thread : threads) thread.join();
}

Shape shape_of(int64_t num_steps, int64_t num_rows) {
  Shape shape;
  shape.num_steps = num_steps;
  shape.num_rows = num_rows;
  return shape;
}

// Each caller has data, and so weights, of its own; with keys, some calls find their pack and others
// replace it while it is read. The narrowest vectors: so few units are shared among threads there.
void test_callers(int num_calls) {
  constexpr int kCallers = 4;
  Shape shape = shape_of(3, 33);
  for (int64_t b = 0; b < shape.num_rows; ++b) shape.lengths.push_back(b % 4);
  for (bool reverse : {false, true})
    for (const Case& c : all_cases(33, 5, reverse))
      for (int num_threads : {1, 3})
        for (bool has_keys : {false, true}) {
          Executor<float> shared(parse(encode(c.plan)), "baseline");
          on_threads(kCallers, [&](int caller) {
            Data data(c.plan, shape);
            data.fill(uint64_t(caller / 2));  // pairs have the same
            Executor<float> own(parse(encode(c.plan)), "baseline");
            const Memory<float> lone(data, Layout{});
            own.run(lone.call(shape, num_threads));
            const Numbers expected = lone.read();
            for (int k = 0; k < num_calls; ++k) {
              const Memory<float> memory(data, Layout{});
              shared.run(memory.call(shape, num_threads, has_keys ? caller / 2 : -1));
              CHECK(same_bits(memory.read(), expected), c.name, ", caller ", caller, ", call ", k, ", ", num_threads,
                    " threads, keys ", has_keys);
            }
          });
        }
}

// A pack is made anew for another key, for a negative key, and for no equal key.
void test_keys() {
  const Shape shape = shape_of(2, 3);
  const Case c = all_cases(15, 4, false).front();
  Executor<double> executor(parse(encode(c.plan)), "");
  Data data(c.plan, shape), other(c.plan, shape);
  data.fill(1);
  other.fill(2);
  const auto run = [&](Data& given, int64_t key) {
    const Memory<double> memory(given, Layout{});
    executor.run(memory.call(shape, 1, key));
    return memory.read();
  };
  const Numbers of_data = run(data, -1), of_other = run(other, -1);
  CHECK(!same_bits(of_data, of_other), "the weights make no difference");
  CHECK(same_bits(run(data, 5), of_data), "key 5");
  CHECK(same_bits(run(other, 6), of_other), "key 6 after 5");
  CHECK(!same_bits(run(data, 6), of_data), "key 6 again packed its weights again");
  CHECK(same_bits(run(data, -1), of_data), "no key");
}

// A step of a stream, after the first one.
void test_steps_allocate_nothing() {
  const Shape shape = shape_of(1, 1);
  for (const Case& c : all_cases(33, 5, false)) {
    if (!c.plan.reductions.empty()) continue;  // of a backward pass, which no stream has
    Executor<float> executor(parse(encode(c.plan)), "");
    Data data(c.plan, shape);
    data.fill(1);
    const Memory<float> memory(data, Layout{});
    const Call call = memory.call(shape, 1, 0);
    const auto prepared = executor.prepare(call);
    prepared->run();
    const long before = num_allocations;
    for (int k = 0; k < 10; ++k) prepared->run();
    CHECK(num_allocations == before, c.name, ": ", num_allocations - before, " allocations in 10 steps");
  }
}

void test_team() {
  for (int wanted : {1, 2, 5}) {
    std::atomic<int> calls{0}, members{0};
    together(wanted, [&](int k, int n) {
      CHECK(n == wanted, "got ", n, " threads");
      calls += 1;
      members |= 1 << k;
    });
    CHECK(calls == wanted && members == (1 << wanted) - 1, "members ", members, " of ", wanted);
  }
}

// Rounds of a barrier: no member is ahead of another by more than one.
void test_barrier() {
  constexpr int kMembers = 4, kRounds = 200;
  Barrier barrier(kMembers);
  std::vector<int> at(kMembers, 0);
  together(kMembers, [&](int k, int) {
    for (int round = 1; round <= kRounds; ++round) {
      at[size_t(k)] = round;
      barrier.wait();
      for (int other : at) CHECK(other == round, "a member is at ", other, " in round ", round);
      barrier.wait();
    }
  });
}

// The exception of one member comes out, whichever it is, and the others do not wait for it.
void test_exceptions() {
  for (int failing = 0; failing < 3; ++failing) {
    Barrier barrier(3);
    std::string caught;
    try {
      together(3, [&](int k, int) {
        if (k == failing) {
          barrier.abandon();
          throw std::runtime_error("member " + std::to_string(k));
        }
        barrier.wait();
      });
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    CHECK(caught == "member " + std::to_string(failing), "caught '", caught, "'");
  }
}

// Several teams at once: each gets the threads that it asked for, so that its sums keep their order.
void test_teams() {
  on_threads(4, [](int) {
    for (int k = 0; k < 20; ++k) test_team();
  });
}

}  // namespace

void test_threads(bool is_quick) {
  test_team();
  test_barrier();
  test_exceptions();
  test_teams();
  test_keys();
  test_steps_allocate_nothing();
  test_callers(is_quick ? 5 : 25);
}

}  // namespace ostinato::tests
