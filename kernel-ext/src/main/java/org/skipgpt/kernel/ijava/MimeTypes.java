package org.skipgpt.kernel.ijava;

import io.github.spencerpark.jupyter.kernel.display.mime.MIMEType;
import io.github.spencerpark.jupyter.kernel.display.mime.MIMETypeParseException;

/** MIME types of the base library by name. */
final class MimeTypes {
    private MimeTypes() {}

    static MIMEType of(String name) {
        try {
            return MIMEType.parse(name);
        } catch (MIMETypeParseException e) {
            throw new IllegalArgumentException("'" + name + "' is no MIME type", e);
        }
    }
}
