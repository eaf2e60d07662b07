package org.skipgpt.kernel.live;

import java.util.Map;

/** Where live outputs appear: the one thing that differs between kernels. */
public interface Screen {
    /** Shows an output by its forms and returns an id. */
    String show(Map<String, String> forms);

    /** Replaces the output under an id. */
    void update(String id, Map<String, String> forms);
}
