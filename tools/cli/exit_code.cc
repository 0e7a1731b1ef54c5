#include "tools/cli/exit_code.h"

namespace taicang {

int exit_code_of(errc code) noexcept {
    switch (code) {
        case errc::invalid_argument:
        case errc::bucket_name_invalid:
        case errc::key_too_long:
            return exit_usage;
        case errc::busy:
        case errc::timed_out:
        case errc::outcome_unknown:
        case errc::stopped:
        case errc::journal_full:
            return exit_retryable;
        case errc::permission_denied:
            return exit_not_allowed;
        case errc::not_found:
        case errc::bucket_not_found:
        case errc::key_not_found:
        case errc::upload_not_found:
            return exit_not_found;
        case errc::already_exists:
        case errc::bucket_exists:
        case errc::bucket_not_empty:
        case errc::conflict:
        case errc::precondition_failed:
            return exit_conflict;
        case errc::unsupported:
        case errc::version_unsupported:
            return exit_unsupported;
        default:
            return exit_failed;
    }
}

}  // namespace taicang
