package org.skipgpt.kernel.cell;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import javax.tools.SimpleJavaFileObject;

/** A class, or a source, that the compiler may read; until then it is a name only. */
final class ListedClass extends SimpleJavaFileObject {
    /** Opens what a name stands for. */
    @FunctionalInterface
    interface Opener {
        /** Opens it. */
        InputStream open() throws IOException;
    }

    private static final URI UNNAMED =
            URI.create("listed:/class"); // a true one takes long to make, and few are asked for

    private final String binaryName;
    private final String place;
    private final Opener opener;

    /**
     * Names a class.
     *
     * @param binaryName e.g. {@code java.util.Map$Entry}
     * @param place its file, or its jar and the entry in it
     * @param kind class or source
     * @param opener reads it
     */
    ListedClass(String binaryName, String place, Kind kind, Opener opener) {
        super(UNNAMED, kind);
        this.binaryName = binaryName;
        this.place = place;
        this.opener = opener;
    }

    String binaryName() {
        return binaryName;
    }

    @Override
    public URI toUri() {
        try {
            return new URI("listed", null, place.startsWith("/") ? place : "/" + place, null);
        } catch (URISyntaxException e) {
            throw new IllegalStateException(place + " cannot be told as a URI", e);
        }
    }

    @Override
    public String getName() {
        return place;
    }

    @Override
    public boolean isNameCompatible(String simpleName, Kind kind) {
        String simple = binaryName.substring(binaryName.lastIndexOf('.') + 1);
        return kind == getKind() && simple.equals(simpleName);
    }

    @Override
    public InputStream openInputStream() throws IOException {
        return opener.open();
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) throws IOException {
        if (getKind() != Kind.SOURCE) {
            throw new FileNotFoundException(place + " is no text");
        }
        try (InputStream in = openInputStream()) {
            return new String(in.readAllBytes(), UTF_8);
        }
    }
}
