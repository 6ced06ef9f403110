#include "master/state.h"

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "base/packing.h"
#include "os/memory_file.h"

namespace mew::master::state {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

base::MonotonicTime at(std::int64_t count) {
    return base::MonotonicTime(base::MonotonicTime::duration(count));
}

Worker sample_worker() {
    Worker worker;
    worker.place = Worker::Place::leaving;
    worker.slot = 2;
    worker.incarnation = 5;
    worker.preloaded = false;
    worker.start_limit = base::Milliseconds{7};
    worker.doing_when_killed = "idle";
    worker.phase = "retiring";
    worker.pid = 4242;
    worker.control = {21};
    worker.build_id = 0xfedcba9876543210;
    worker.started = at(-7);
    worker.requests_before = 100;
    worker.cut = 3;
    worker.was_ready = worker.served = worker.told_to_end = worker.failed = true;
    worker.killed_because = "did not read\nits orders";
    worker.failed_status = 22;
    worker.failed_why = "Traceback";
    worker.deadline = {true, at(99), "still had work", true};
    return worker;
}

Generation sample_generation() {
    Generation generation;
    generation.number = 7;
    generation.phase = "serving";
    generation.committed = true;
    generation.loaded.options.module = "shop:app";
    generation.loaded.options.processes = 2;
    generation.interpreter_path = "/venv/bin/python";
    generation.interpreter_reason = "the active VIRTUAL_ENV";
    generation.interpreter_version = "3.11.7";
    generation.board = {22};
    Zygote zygote;
    zygote.phase = "ready";
    zygote.pid = 77;
    zygote.control = {23};
    zygote.failure_text = "none";
    Zygote reserve;
    reserve.reserve = true;
    reserve.order = 3;
    generation.zygotes = {zygote, reserve};
    generation.reserve_respawn = {true, base::Milliseconds{200}};
    generation.workers = {sample_worker(), Worker{}};
    generation.slots = {{true, {true, base::Milliseconds{100}}}, {}};
    generation.worn = {2, 1};
    generation.substitution = {false, base::Milliseconds{400}};
    return generation;
}

Whole sample() {
    Whole whole;
    whole.master_pid = 1221;
    whole.program = {"0.1.0",          17,         "/pkg/bin/mewsgi",           "/pkg",
                     {"--http", ":1"}, {"A=\xff"}, {{3, "from systemd as web"}}};
    whole.started = at(1'000'000'007);
    whole.python_version = "3.11.7";
    whole.started_with.options.pidfile = "/run/a.pid";
    whole.started_with.given.push_back({"pidfile", "/run/a.pid", false, "a.ini:1", "pidfile"});
    whole.identity.emplace();
    whole.identity->uid = 33;
    whole.identity->groups = {33, 44};
    whole.identity->user = "www-data";
    Listener listener;
    listener.fd = {4};
    listener.more_fds = {{5}, {6}};
    listener.slot_fds = {4, 5, 6};
    listener.backlog = 64;
    listener.protocol = net::Protocol::scgi;
    listener.option = "scgi-socket";
    listener.address = "127.0.0.1:9000";
    listener.server_name = "host";
    listener.server_port = "9000";
    listener.inherited = true;
    listener.giver = "as standard input";
    whole.listeners = {listener, Listener{}};
    whole.gate = {7};
    whole.handover_near = {8};
    whole.handover_far = {9};
    whole.log.path = "/var/log/a.log";
    whole.log.json = whole.log.replacing = true;
    whole.log.level = 2;
    whole.log.events = {10};
    whole.log.logger = 55;
    whole.log.dropped = 12;
    whole.pidfile_path = "/run/a.pid";
    whole.pidfile = {11};
    whole.commands = {12};
    whole.clients = {{{13}, true, false, "", ""}, {{14}, false, true, "mewsgi 1 st", "0\nrest"}};
    whole.strangers = {{88, 256, 1024, at(5)}};
    whole.deaths = {{1, 2, 3}, {{"SIGSEGV", 4}}, 1};
    whole.watcher = {66, {{7, 0, {24}}, {7, 2, {25}}}};
    whole.certificates = {
        {30}, "keys", at(77), {67, {}}, {{"/a.crt", "a, b", 99}}, {"/a.crt", "/a.key"}, "old"};
    whole.fifos = {{"/run/a.fifo", {26}}};
    Singleton singleton;
    singleton.name = "clock";
    singleton.number = 1;
    singleton.task.emplace();
    singleton.task->phase = "running";
    singleton.task->control = {27};
    singleton.task->told_to_serve = true;
    singleton.starts = 9;
    whole.singletons = {{singleton, Singleton{}}, true, 12, base::Milliseconds{60}};
    Front front;
    front.number = 2;
    front.incarnation = 0x100000003;
    front.phase = "retiring";
    front.pid = 99;
    front.control = {28};
    front.build_id = 18;
    front.requests_before = 5;
    front.was_ready = front.told_to_end = true;
    front.killed_because = "had to";
    front.deadline = {true, at(77), "still had work", false};
    whole.fronts.sets.resize(2);
    whole.fronts.sets[1].loaded.options.http_queue = 7;
    whole.fronts.sets[1].board = {29};
    whole.fronts.sets[1].fronts = {front, Front{}};
    whole.fronts.sets[1].served = true;
    whole.fronts.carried = {{3, {{"requests", 1000}, {"lost", 1}}}, {}};
    whole.fronts.last_incarnation = 0x100000003;
    whole.served = true;
    whole.reload_wish = "chain";
    whole.confirm_due = at(123);
    whole.last_generation = 8;
    whole.generations = {Generation{}, sample_generation()};
    return whole;
}

TEST(State, ComesBackAsItWas) {
    const std::string bytes = encode(sample());
    auto back = decode(bytes);
    ASSERT_TRUE(back) << back.error().text;
    // All fields are in the bytes, in one order: equal bytes are equal states.
    EXPECT_EQ(encode(*back), bytes);
    EXPECT_EQ(back->program.environment.at(0), "A=\xff");
    EXPECT_EQ(back->identity->groups, (std::vector<gid_t>{33, 44}));
    EXPECT_FALSE(back->identity->gid);
    EXPECT_EQ(back->listeners.at(0).protocol, net::Protocol::scgi);
    EXPECT_EQ(back->clients.at(1).rest, "0\nrest");
    const Generation& generation = back->generations.at(1);
    EXPECT_EQ(generation.loaded.options.module, "shop:app");
    EXPECT_EQ(generation.worn, (std::vector<std::uint32_t>{2, 1}));
    const Worker& worker = generation.workers.at(0);
    EXPECT_EQ(worker.place, Worker::Place::leaving);
    EXPECT_EQ(worker.build_id, 0xfedcba9876543210);
    EXPECT_EQ(worker.started, at(-7));
    EXPECT_FALSE(worker.preloaded);
    EXPECT_EQ(worker.deadline.missed, "still had work");
    EXPECT_TRUE(generation.zygotes.at(1).reserve);
    EXPECT_TRUE(generation.slots.at(0).wanted);
    EXPECT_EQ(back->confirm_due, at(123));
    EXPECT_TRUE(back->singletons.places.at(0).task->told_to_serve);
    EXPECT_EQ(back->fifos.at(0).path, "/run/a.fifo");
    EXPECT_EQ(back->deaths.by_cause.at(0).count, 4U);
    const FrontSet& set = back->fronts.sets.at(1);
    EXPECT_EQ(set.loaded.options.http_queue, 7U);
    EXPECT_EQ(set.fronts.at(0).incarnation, 0x100000003U);
    EXPECT_EQ(set.fronts.at(0).killed_because, "had to");
    EXPECT_EQ(back->fronts.carried.at(0).counts.at(1).name, "lost");
}

TEST(State, AnEmptyOneComesBackToo) {
    const std::string bytes = encode(Whole{});
    auto back = decode(bytes);
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_EQ(encode(*back), bytes);
    EXPECT_THAT(descriptors_of(*back), ElementsAre());
}

TEST(State, CutAnywhereIsRefused) {
    const std::string bytes = encode(sample());
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decode(bytes.substr(0, size))) << size;
    EXPECT_FALSE(decode(bytes + '\0'));
}

TEST(State, OfAnotherVersionSaysWhatToDo) {
    std::string bytes = encode(sample());
    bytes[8] = static_cast<char>(kStateVersion + 1);
    const auto refused = decode(bytes);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text, HasSubstr(base::format("version {}", kStateVersion + 1)));
    EXPECT_THAT(refused.error().text, HasSubstr("stop the server and start it"));
    bytes[0] ^= 1;
    EXPECT_THAT(decode(bytes).error().text, HasSubstr("not meant to be given by hand"));
}

TEST(State, OtherLayoutsAreNamed) {
    control::Layouts layouts = control::own_layouts();
    layouts.orders += 1;
    layouts.slot += 64;
    const auto refused = decode(encode(sample(), layouts));
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text, HasSubstr("orders, slot"));
    EXPECT_THAT(refused.error().text, HasSubstr("stop the server and start it"));
}

TEST(State, AnOptionThatIsUnknownHereIsNamed) {
    std::string bytes = encode(sample());
    const std::size_t place = bytes.find("7:pidfile,");
    ASSERT_NE(place, std::string::npos);
    bytes.replace(place, 10, "7:pidfool,");
    const auto refused = decode(bytes);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text, HasSubstr("option"));
    EXPECT_THAT(refused.error().text, HasSubstr("stop the server and start it"));
}

TEST(State, EveryDescriptorIsFound) {
    EXPECT_THAT(descriptors_of(sample()),
                testing::UnorderedElementsAre(4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 21, 22, 23, 24,
                                              25, 26, 27, 28, 29, 30));
}

TEST(State, TravelsInSealedMemoryOnly) {
    auto memory = write(sample());
    ASSERT_TRUE(memory) << memory.error().text;
    auto back = read(memory->get());
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_EQ(back->master_pid, 1221);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const os::Fd near(ends[0]);
    const os::Fd far(ends[1]);
    EXPECT_FALSE(read(near.get()));
}

}  // namespace
}  // namespace mew::master::state
