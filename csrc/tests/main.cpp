// The tests of the C++ side: `native_test [--quick] [numbers] [threads] [malformed]`, all by default.
#include <chrono>

#include "support.h"

int main(int count, char** arguments) {
  using namespace ostinato::tests;
  ostinato::thread_work = 1;  // small calls run on as many threads as they ask for
  bool is_quick = false;
  std::vector<std::string> wanted;
  for (int k = 1; k < count; ++k) {
    if (arguments[k] == std::string("--quick"))
      is_quick = true;
    else
      wanted.push_back(arguments[k]);
  }
  const std::vector<std::pair<std::string, void (*)(bool)>> all = {
      {"numbers", test_numbers}, {"threads", test_threads}, {"malformed", test_malformed}};
  for (const std::string& name : wanted) {
    bool is_known = false;
    for (const auto& test : all) is_known = is_known || test.first == name;
    CHECK(is_known, "got '", name, "', expected numbers, threads or malformed");
  }
  std::printf("instruction sets:");
  for (const char* name : instruction_sets()) std::printf(" %s", name);
  std::printf("\n");
  for (const auto& [name, test] : all) {
    bool is_wanted = wanted.empty();
    for (const std::string& other : wanted) is_wanted = is_wanted || other == name;
    if (!is_wanted) continue;
    const auto start = std::chrono::steady_clock::now();
    test(is_quick);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%s: passed in %.1f s\n", name.c_str(), seconds.count());
  }
}
