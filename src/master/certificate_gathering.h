#pragma once
// What the child of certificate_reader does: options and files become tls::Material. Each mistake
// of somebody's is one sentence.

#include <string>
#include <vector>

#include "base/result.h"
#include "master/certificate_reader.h"
#include "options/options.h"
#include "tls/material.h"

namespace mew::master {

struct GatheredCertificates {
    tls::Material material;
    std::vector<CertificateFact> facts;
    std::vector<std::string> paths;
};

// `before`: what was gathered last.
base::Result<GatheredCertificates> gather_certificates(const options::Options& options,
                                                       const tls::Material& before);

// The files and folders that the options name; looks at none.
std::vector<std::string> named_paths(const options::Options& options);

}  // namespace mew::master
