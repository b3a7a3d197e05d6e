namespace PerfCompare.Agent.Tests;

/// <summary>The flavours and the ways to ask, each with each.</summary>
public sealed class Stacks : TheoryData<string, string>
{
    public Stacks()
    {
        foreach (var flavour in (string[])["agent", "client", "http"])
        {
            Add(flavour, "standard");
            Add(flavour, "streaming");
        }
    }
}
