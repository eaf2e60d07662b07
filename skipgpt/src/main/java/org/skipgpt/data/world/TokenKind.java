package org.skipgpt.data.world;

/** What a stretch of generated text is, as far as its difficulty for a reader is known. */
public enum TokenKind {
    /** Function word: article, preposition, pronoun, auxiliary verb. */
    FUNCTION,
    /** Any other ordinary word. */
    CONTENT,
    /** Proper name of a person or town, where it is introduced. */
    NAME,
    /** Answer that only knowledge of the world gives. */
    FACT,
    /** Answer or mention that stands earlier in the same text. */
    COPIED,
    /** Result of a sum. */
    COMPUTED,
    /** Punctuation, including line ends. */
    PUNCTUATION
}
