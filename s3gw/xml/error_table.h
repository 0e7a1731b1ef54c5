// The one table of S3 error codes: X(enumerator, code on the wire, HTTP status, default sentence).
// Source: "Error responses", Amazon S3 API reference. Used by errors.h only. Threads and lifetime:
// constants.
#pragma once

// clang-format off
#define TAICANG_S3_ERRORS(X) \
    X(access_denied, "AccessDenied", 403, "Access Denied") \
    X(account_problem, "AccountProblem", 403, "There is a problem with your account that prevents the operation from completing successfully.") \
    X(authorization_header_malformed, "AuthorizationHeaderMalformed", 400, "The authorization header that you provided is not valid.") \
    X(authorization_query_parameters_error, "AuthorizationQueryParametersError", 400, "The authorization query parameters that you provided are not valid.") \
    X(bad_digest, "BadDigest", 400, "The Content-MD5 or checksum value that you specified did not match what the server received.") \
    X(bad_request, "BadRequest", 400, "The request could not be understood.") \
    X(bucket_already_exists, "BucketAlreadyExists", 409, "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Select a different name and try again.") \
    X(bucket_already_owned_by_you, "BucketAlreadyOwnedByYou", 409, "Your previous request to create the named bucket succeeded and you already own it.") \
    X(bucket_not_empty, "BucketNotEmpty", 409, "The bucket that you tried to delete is not empty.") \
    X(conditional_request_conflict, "ConditionalRequestConflict", 409, "A conflicting operation occurred during the request to this resource. Fetch its ETag and try again.") \
    X(content_sha256_mismatch, "XAmzContentSHA256Mismatch", 400, "The provided 'x-amz-content-sha256' header does not match what was computed.") \
    X(entity_too_large, "EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed object size.") \
    X(entity_too_small, "EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed object size.") \
    X(illegal_location_constraint, "IllegalLocationConstraintException", 400, "The specified location constraint is not valid for this endpoint.") \
    X(incomplete_body, "IncompleteBody", 400, "You did not provide the number of bytes specified by the Content-Length HTTP header.") \
    X(insufficient_storage, "InsufficientStorage", 507, "There is no space left for this object. Delete objects or add devices, then try again.") \
    X(internal_error, "InternalError", 500, "An internal error occurred. Try again.") \
    X(invalid_access_key_id, "InvalidAccessKeyId", 403, "The AWS access key ID that you provided does not exist in our records.") \
    X(invalid_argument, "InvalidArgument", 400, "The specified argument was not valid.") \
    X(invalid_bucket_name, "InvalidBucketName", 400, "The specified bucket is not valid.") \
    X(invalid_bucket_state, "InvalidBucketState", 409, "The request is not valid for the current state of the bucket.") \
    X(invalid_chunk_size, "InvalidChunkSizeError", 403, "The chunk size in the request body is not valid.") \
    X(invalid_digest, "InvalidDigest", 400, "The Content-MD5 or checksum value that you specified is not valid.") \
    X(invalid_location_constraint, "InvalidLocationConstraint", 400, "The specified location constraint is not valid.") \
    X(invalid_object_state, "InvalidObjectState", 403, "The operation is not valid for the current state of the object.") \
    X(invalid_part, "InvalidPart", 400, "One or more of the specified parts could not be found. The part might not have been uploaded, or the specified entity tag might not have matched the part's entity tag.") \
    X(invalid_part_number, "InvalidPartNumber", 416, "The requested part number is not satisfiable.") \
    X(invalid_part_order, "InvalidPartOrder", 400, "The list of parts was not in ascending order. Parts must be specified in order by part number.") \
    X(invalid_range, "InvalidRange", 416, "The requested range is not satisfiable.") \
    X(invalid_request, "InvalidRequest", 400, "The request is not valid.") \
    X(invalid_storage_class, "InvalidStorageClass", 400, "The storage class you specified is not valid.") \
    X(invalid_tag, "InvalidTag", 400, "The tag provided was not a valid tag.") \
    X(invalid_token, "InvalidToken", 400, "The provided token is malformed or otherwise not valid.") \
    X(invalid_uri, "InvalidURI", 400, "The specified URI could not be parsed.") \
    X(key_too_long, "KeyTooLongError", 400, "Your key is too long.") \
    X(malformed_policy, "MalformedPolicy", 400, "This policy contains invalid JSON.") \
    X(malformed_trailer, "MalformedTrailerError", 400, "The request contained trailing data that was not well-formed or did not conform to our published schema.") \
    X(malformed_xml, "MalformedXML", 400, "The XML you provided was not well-formed or did not validate against our published schema.") \
    X(max_message_length_exceeded, "MaxMessageLengthExceeded", 400, "Your request was too large.") \
    X(metadata_too_large, "MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size.") \
    X(method_not_allowed, "MethodNotAllowed", 405, "The specified method is not allowed against this resource.") \
    X(missing_content_length, "MissingContentLength", 411, "You must provide the Content-Length HTTP header.") \
    X(missing_request_body, "MissingRequestBodyError", 400, "Request body is empty.") \
    X(missing_security_header, "MissingSecurityHeader", 400, "Your request is missing a required header.") \
    X(no_such_bucket, "NoSuchBucket", 404, "The specified bucket does not exist.") \
    X(no_such_bucket_policy, "NoSuchBucketPolicy", 404, "The bucket policy does not exist.") \
    X(no_such_cors_configuration, "NoSuchCORSConfiguration", 404, "The CORS configuration does not exist.") \
    X(no_such_encryption_configuration, "ServerSideEncryptionConfigurationNotFoundError", 404, "The server side encryption configuration was not found.") \
    X(no_such_key, "NoSuchKey", 404, "The specified key does not exist.") \
    X(no_such_lifecycle_configuration, "NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist.") \
    X(no_such_object_lock_configuration, "ObjectLockConfigurationNotFoundError", 404, "Object Lock configuration does not exist for this bucket.") \
    X(no_such_public_access_block, "NoSuchPublicAccessBlockConfiguration", 404, "The public access block configuration was not found.") \
    X(no_such_replication_configuration, "ReplicationConfigurationNotFoundError", 404, "The replication configuration was not found.") \
    X(no_such_tag_set, "NoSuchTagSet", 404, "The TagSet does not exist.") \
    X(no_such_upload, "NoSuchUpload", 404, "The specified multipart upload does not exist. The upload ID might not be valid, or the multipart upload might have been aborted or completed.") \
    X(no_such_version, "NoSuchVersion", 404, "The specified version does not exist.") \
    X(no_such_website_configuration, "NoSuchWebsiteConfiguration", 404, "The specified bucket does not have a website configuration.") \
    X(not_found, "NotFound", 404, "The specified resource was not found.") \
    X(not_implemented, "NotImplemented", 501, "A header, parameter or sub-resource that you provided implies functionality that is not implemented.") \
    X(not_modified, "NotModified", 304, "Not Modified") \
    X(operation_aborted, "OperationAborted", 409, "A conflicting conditional operation is currently in progress against this resource. Try again.") \
    X(permanent_redirect, "PermanentRedirect", 301, "The bucket that you are attempting to access must be addressed using the specified endpoint.") \
    X(precondition_failed, "PreconditionFailed", 412, "At least one of the preconditions that you specified did not hold.") \
    X(request_header_section_too_large, "RequestHeaderSectionTooLarge", 400, "The request header and query parameters used to make the request exceed the maximum allowed size.") \
    X(request_time_too_skewed, "RequestTimeTooSkewed", 403, "The difference between the request time and the server's time is too large.") \
    X(request_timeout, "RequestTimeout", 400, "Your socket connection to the server was not read from or written to within the timeout period.") \
    X(service_unavailable, "ServiceUnavailable", 503, "Service is unable to handle request. Try again.") \
    X(signature_does_not_match, "SignatureDoesNotMatch", 403, "The request signature that the server calculated does not match the signature that you provided. Check your secret access key and signing method.") \
    X(slow_down, "SlowDown", 503, "Please reduce your request rate.") \
    X(too_many_buckets, "TooManyBuckets", 400, "You have attempted to create more buckets than are allowed.") \
    X(uri_too_long, "RequestURITooLong", 414, "The URI of the request is too long.") \
    X(version_not_supported, "HttpVersionNotSupported", 505, "The HTTP version is not supported; use HTTP/1.1.")
// clang-format on
