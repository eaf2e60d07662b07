package org.skipgpt.kernel.jjava;

import org.dflib.jjava.jupyter.kernel.display.mime.MIMEType;
import org.dflib.jjava.jupyter.kernel.display.mime.MIMETypeParseException;

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
