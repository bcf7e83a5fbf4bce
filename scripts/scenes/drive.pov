// The drive: gravel from the street to the garage.
#version 3.7;
#include "lib.inc"
#include "figures.inc"
Daylight(<0.78,0.8,0.84>, <0.34,0.5,0.76>)
#if (PASS != 1)
  plane { y, 0 Surface(Grass) }
  Lawn(-9.45, -2.45, -11, 0, 9.5) Lawn(3.35, 9.35, -11, 0, 9.5)
  box { <-2.3,0,-11.2>, <3.2,0.02,0> Surface(Gravel) }
  #for (s, 0, 1) box { <(s ? 3.2 : -2.42),0,-11>, <(s ? 3.32 : -2.3),0.07,0> Surface(Paving) } #end
  box { <-90,-0.01,-19>, <120,0.03,-12.4> Surface(Asphalt) } box { <-90,0,-12.4>, <120,0.07,-11> Surface(Paving) } box { <-90,0,-20.4>, <120,0.07,-19> Surface(Paving) }
  box { <-9,0,0>, <9,6,0.4> Surface(Brick) }
  object { Window(1.6,1.2,0.75) translate <4.6,1,0> }
  Lamp(<2.4,2.6,-0.32>, <1.4,0.9,0.45>*1.9, 2.6)
  BushAt(<4.1,0,-3>, 0.8, 3, Green) BushAt(<4.3,0,-5.2>, 0.7, 9, Dark) BushAt(<4.2,0,-7.8>, 0.85, 19, Olive)
  TreeAt(<7.5,0,-9>, 5, 1.8, 4, Green) TreeAt(<4,0,-22>, 6, 2, 14, Dark) TreeAt(<-7,0,-23>, 6, 2.2, 34, Green)
  object { Fence(60,1.4) rotate y*90 translate <-5.6,0,-1.5> }
  object { House(11, 5, 7, 0.8) rotate y*180 translate <-5.5,0,-24.5> } object { House(13, 5, 7, 0.8) rotate y*180 translate <10,0,-25> } object { House(12, 5, 7, 0.7) rotate y*180 translate <25,0,-25> }
  object { House(12, 5, 7, 0.7) rotate y*180 translate <41,0,-25> } object { House(13, 5, 7, 0.7) rotate y*180 translate <58,0,-25> }
  Hedge(<10.5,0,-0.6>, <10.5,0,-10.4>, 1.3, 11, Dark) Hedge(<26,0,-21.2>, <70,0,-21.2>, 1.1, 17, Dark) TreeAt(<19,0,-22>, 6, 2.1, 44, Green) TreeAt(<34,0,-22.5>, 7, 2.4, 54, Dark) TreeAt(<14,0,-6>, 5.4, 2, 64, Green) object { House(10, 5, 8, 0.7) translate <20,0,-4> }
  Hedge(<-0.2,0,-21.4>, <3.4,0,-21.4>, 1.1, 6, Dark) Hedge(<11,0,-21.2>, <24,0,-21.2>, 1.1, 7, Dark)
#end
Figure()
