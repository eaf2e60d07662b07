package org.skipgpt.data;

import java.net.URI;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * One file of a data set.
 *
 * @param path inside the data set's folder
 * @param url where it is given out; empty where users bring their own copy
 * @param bytes its size, where known
 * @param sha256 its fingerprint in hex, where known
 */
public record DataFile(String path, Optional<URI> url, OptionalLong bytes, Optional<String> sha256) {}
