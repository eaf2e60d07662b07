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
 * @param member its name inside the zip archive that url, bytes and sha256 are about; empty where they are about the file
 */
public record DataFile(
        String path, Optional<URI> url, OptionalLong bytes, Optional<String> sha256, Optional<String> member) {

    /**
     * The archive that holds the file, kept beside the data set's files under its own name.
     *
     * @throws IllegalStateException if the file is given out as it is
     */
    DataFile archive() {
        URI from = url.filter(uri -> member.isPresent())
                .orElseThrow(() -> new IllegalStateException(path + " is in no archive"));
        return new DataFile(
                from.getPath().substring(from.getPath().lastIndexOf('/') + 1), url, bytes, sha256, Optional.empty());
    }
}
