#include "control/boot.h"

#include "base/packing.h"
#include "control/message.h"
#include "os/memory_file.h"

namespace mew::control {
namespace {

constexpr std::uint64_t kMagic = 0x4d4557424f4f5431;       // "MEWBOOT1"
constexpr std::uint64_t kFrontMagic = 0x4d4557424f4f5446;  // "MEWBOOTF"
constexpr std::size_t kLimit = std::size_t{64} << 20;
constexpr std::uint64_t kMostListeners = 4096;

void write_listener(base::Writer& writer, const net::ListenerInfo& info) {
    writer.number(info.fd).number(static_cast<std::uint8_t>(info.protocol)).text(info.option);
    writer.text(info.address).number(info.unix_socket);
    writer.text(info.server_name).text(info.server_port).number(info.slot_fds.size());
    for (const int fd : info.slot_fds) writer.number(fd);
    writer.number(info.routed);
}

void write_listeners(base::Writer& writer, const std::vector<net::ListenerInfo>& listeners) {
    writer.number(listeners.size());
    for (const auto& info : listeners) write_listener(writer, info);
}

net::ListenerInfo read_listener(base::Reader& reader) {
    net::ListenerInfo info;
    reader.number(info.fd).number(info.protocol).text(info.option).text(info.address);
    reader.number(info.unix_socket).text(info.server_name).text(info.server_port);
    std::uint64_t sockets = 0;
    reader.number(sockets);
    for (; sockets > 0 && reader.ok(); --sockets) reader.number(info.slot_fds.emplace_back());
    reader.number(info.routed);
    return info;
}

void read_listeners(base::Reader& reader, std::vector<net::ListenerInfo>& listeners) {
    const std::uint64_t count = reader.wide();
    if (count > kMostListeners) return reader.refuse();
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i)
        listeners.push_back(read_listener(reader));
}

base::Result<os::Fd> seal(const base::Writer& writer) {
    if (writer.bytes().size() > kLimit)
        return base::fail("the options are too large to hand to another process");
    return os::make_constant_memory("mewsgi-boot", writer.bytes());
}

base::Unexpected<base::Error> damaged() {
    return base::fail(
        "the boot block is damaged: it is written by the master, not meant to be given by hand");
}

}  // namespace

base::Result<os::Fd> write_boot(const Boot& boot) {
    base::Writer writer;
    writer.number(kMagic).number(boot.build_id != 0 ? boot.build_id : build_id());
    writer.text(options::encode_block(boot.loaded));
    writer.number(boot.master_pid).number(boot.generation).number(boot.control_fd);
    writer.number(boot.board_fd)
        .number(boot.gate_fd)
        .number(boot.bell_fd)
        .number(boot.log_fd)
        .number(boot.log_colour);
    writer.number(boot.handover_fd).number(boot.handover_take_fd);
    write_listeners(writer, boot.listeners);
    writer.text(boot.package_dir).text(boot.interpreter_reason);
    return seal(writer);
}

base::Result<Boot> read_boot(int fd) {
    auto bytes = os::read_constant_memory(fd, kLimit);
    if (!bytes) return std::move(bytes).failure();
    base::Reader reader(*bytes);
    if (reader.wide() != kMagic) return damaged();
    Boot boot;
    reader.number(boot.build_id);
    if (boot.build_id != build_id())
        return base::fail(
            "the mewsgi program and the mewsgi Python module come from different builds; install "
            "the package again, or start the program that came with it");
    std::string block;
    reader.text(block).number(boot.master_pid).number(boot.generation).number(boot.control_fd);
    reader.number(boot.board_fd)
        .number(boot.gate_fd)
        .number(boot.bell_fd)
        .number(boot.log_fd)
        .number(boot.log_colour);
    reader.number(boot.handover_fd).number(boot.handover_take_fd);
    read_listeners(reader, boot.listeners);
    reader.text(boot.package_dir).text(boot.interpreter_reason);
    if (!reader.at_end()) return damaged();
    auto loaded = options::decode_block(block);
    if (!loaded) return std::move(loaded).failure();
    boot.loaded = std::move(*loaded);
    return boot;
}

base::Result<os::Fd> write_front_boot(const FrontBoot& boot) {
    options::Loaded loaded;
    loaded.options = boot.options;
    base::Writer writer;
    writer.number(kFrontMagic).number(boot.build_id != 0 ? boot.build_id : build_id());
    writer.text(options::encode_block(loaded));
    writer.number(boot.master_pid).number(boot.number).number(boot.incarnation);
    writer.number(boot.board_fd).number(boot.gate_fd).number(boot.log_fd).number(boot.log_colour);
    writer.number(boot.tls_fd).text(boot.ticket_keys);
    write_listeners(writer, boot.listeners);
    return seal(writer);
}

base::Result<FrontBoot> read_front_boot(int fd) {
    auto bytes = os::read_constant_memory(fd, kLimit);
    if (!bytes) return std::move(bytes).failure();
    base::Reader reader(*bytes);
    if (reader.wide() != kFrontMagic) return damaged();
    FrontBoot boot;
    reader.number(boot.build_id);
    if (boot.build_id != build_id())
        return base::fail("the master and its front come from different builds of mewsgi");
    std::string block;
    reader.text(block).number(boot.master_pid).number(boot.number).number(boot.incarnation);
    reader.number(boot.board_fd).number(boot.gate_fd).number(boot.log_fd).number(boot.log_colour);
    reader.number(boot.tls_fd).text(boot.ticket_keys);
    read_listeners(reader, boot.listeners);
    if (!reader.at_end()) return damaged();
    auto loaded = options::decode_block(block);
    if (!loaded) return std::move(loaded).failure();
    boot.options = std::move(loaded->options);
    return boot;
}

}  // namespace mew::control
