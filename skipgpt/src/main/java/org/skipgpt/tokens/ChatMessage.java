package org.skipgpt.tokens;

/**
 * One turn of a conversation.
 *
 * <pre>{@code
 * List.of(ChatMessage.system("Answer in one word."), ChatMessage.user("What does a kite need?"));
 * }</pre>
 *
 * @param role who speaks, as the checkpoint's template names it: {@code system}, {@code user} or {@code assistant}
 * @param content what is said
 */
public record ChatMessage(String role, String content) {
    /** What a user says. */
    public static ChatMessage user(String content) {
        return new ChatMessage("user", content);
    }

    /** How the model shall answer. */
    public static ChatMessage system(String content) {
        return new ChatMessage("system", content);
    }

    /** What the model said. */
    public static ChatMessage assistant(String content) {
        return new ChatMessage("assistant", content);
    }
}
