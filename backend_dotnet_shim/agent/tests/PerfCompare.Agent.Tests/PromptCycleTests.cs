using PerfCompare.Agent.Benchmark;
using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent.Tests;

public sealed class PromptCycleTests
{
    [Fact]
    public void The_iteration_number_replaces_its_placeholder()
    {
        var cycle = new PromptCycle(new TestConfiguration(Prompt: "{n}: say {n}"));

        Assert.Equal("1000000: say 1000000", cycle.For(1_000_000));
    }

    [Fact]
    public void A_list_of_prompts_is_gone_through_again_and_again()
    {
        var cycle = new PromptCycle(new TestConfiguration(Prompts: ["a {n}", "b", "c"]));

        Assert.Equal(["a 1", "b", "c", "a 4"], Enumerable.Range(1, 4).Select(n => cycle.For(n)));
    }
}
