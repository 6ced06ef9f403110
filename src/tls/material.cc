#include "tls/material.h"

#include <algorithm>

#include "base/packing.h"

namespace mew::tls {
namespace {

constexpr std::uint64_t kMagic = 0x4d4557544c533031;  // "MEWTLS01"
constexpr std::uint64_t kMostCertificates = 100000;

void write(base::Writer& writer, const Certificate& certificate) {
    writer.number(certificate.names.size());
    for (const std::string& name : certificate.names) writer.text(name);
    writer.text(certificate.chain_pem).text(certificate.key_pem).text(certificate.ca_pem);
    writer.number(certificate.client_required).text(certificate.ciphers);
    writer.text(certificate.ocsp_der).text(certificate.source).number(certificate.expires);
}

std::uint64_t read_count(base::Reader& reader) {
    const std::uint64_t count = reader.wide();
    if (count > kMostCertificates) reader.refuse();
    return reader.ok() ? count : 0;
}

Certificate read(base::Reader& reader) {
    Certificate certificate;
    for (std::uint64_t left = read_count(reader); left > 0 && reader.ok(); --left)
        reader.text(certificate.names.emplace_back());
    reader.text(certificate.chain_pem).text(certificate.key_pem).text(certificate.ca_pem);
    reader.number(certificate.client_required).text(certificate.ciphers);
    reader.text(certificate.ocsp_der).text(certificate.source).number(certificate.expires);
    return certificate;
}

}  // namespace

std::string pack(const Material& material) {
    base::Writer writer;
    writer.number(kMagic).number(material.listeners.size());
    for (const ListenerCertificate& one : material.listeners) {
        writer.number(one.listener);
        write(writer, one.certificate);
    }
    writer.number(material.sni.size());
    for (const Certificate& one : material.sni) write(writer, one);
    return writer.bytes();
}

base::Result<Material> unpack_material(std::string_view bytes) {
    base::Reader reader(bytes);
    Material material;
    if (reader.wide() != kMagic) reader.refuse();
    for (std::uint64_t left = read_count(reader); left > 0 && reader.ok(); --left) {
        ListenerCertificate& one = material.listeners.emplace_back();
        reader.number(one.listener);
        one.certificate = read(reader);
    }
    for (std::uint64_t left = read_count(reader); left > 0 && reader.ok(); --left)
        material.sni.push_back(read(reader));
    if (!reader.at_end()) return base::fail("the certificates came damaged from another process");
    return material;
}

std::string pack(const TicketKeys& keys) {
    std::string bytes;
    for (const auto& key : keys.keys)
        bytes.append(reinterpret_cast<const char*>(key.data()), key.size());
    return bytes;
}

base::Result<TicketKeys> unpack_ticket_keys(std::string_view bytes) {
    if (bytes.size() != TicketKeys::kSize * TicketKeys::kCount)
        return base::fail("the ticket keys came damaged from another process");
    TicketKeys keys;
    for (auto& key : keys.keys) {
        std::copy_n(bytes.begin(), key.size(), key.begin());
        bytes.remove_prefix(key.size());
    }
    return keys;
}

}  // namespace mew::tls
