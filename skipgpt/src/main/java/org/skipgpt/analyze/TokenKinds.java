package org.skipgpt.analyze;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.skipgpt.data.world.LabelledText;
import org.skipgpt.tokens.Tokenizer;

/** The kind of each token of a labelled text. */
final class TokenKinds {
    /** The beginning mark, which stands for no text. */
    static final String MARK = "mark";

    private TokenKinds() {}

    static List<String> of(Tokenizer tokenizer, LabelledText text) {
        int[] ids = tokenizer.encodeWithBos(text.text());
        List<String> kinds = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < ids.length; i++) {
            // pieces may share their spaces with neighbours, so only what the whole beginning spells can be counted
            String spelled = tokenizer.decode(Arrays.copyOf(ids, i + 1));
            int end = spelled.length();
            if (!text.text().startsWith(spelled)) {
                throw new IllegalArgumentException("the tokenizer spells \"" + spelled.substring(Math.max(0, end - 20))
                        + "\" where the text has other characters; kinds need a tokenizer that keeps every character");
            }
            kinds.add(end == start ? MARK : text.kindOf(start, end).name().toLowerCase(Locale.ROOT));
            start = end;
        }
        return kinds;
    }
}
