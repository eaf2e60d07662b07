package org.skipgpt.data.world;

/**
 * One fact: the subject stands in the relation to the value.
 *
 * @param relation what is said
 * @param subject of whom or what it is said
 * @param value what holds, as it appears in text
 * @param reserved whether training text only states this fact and never asks about it
 */
public record Fact(Relation relation, Entity subject, String value, boolean reserved) {}
