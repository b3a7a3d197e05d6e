namespace PerfCompare.Agent.Flavours;

/// <summary>A reply, or one line of it.</summary>
internal sealed record OllamaReply(OllamaMessage Message);
